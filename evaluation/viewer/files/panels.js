// Everything around the picture: caption, slider, buttons, map, lists, messages.

const IDLE_MS = 2600; // of play without a hand on anything, after which the panels step back
const NOTICE_MS = 2400;
const SPEAK_MS = 700; // a level that is left sooner is not spoken of
const FINENESS = 8; // steps of the slider's arrow keys to a level

const find = (id) => document.getElementById(id);

class Panels {
  constructor(scene, geometry, words, camera, wake, place) {
    Object.assign(this, { scene, geometry, words, camera, wake, place, level: -1, hidden: false });
    find("title").textContent = scene.title;
    this.buttons = new Map([...document.querySelectorAll("[data-do]")].map((button) => [button.dataset.do, button]));
    for (const button of this.buttons.values()) button.setAttribute("aria-label", button.title);
    this.fillLists();
    this.markLevels();
    document.body.classList.toggle("still", !geometry.way);
    this.listen();
  }

  listen() {
    const { camera } = this;
    const acts = {
      levels: () => this.toggle("levels"),
      about: () => this.toggle("about"),
      keys: () => this.toggle("keys"),
      map: () => this.toggleMap(),
      link: () => this.copyLink(),
      full: () => this.fullScreen(),
      play: () => camera.play(),
      turn: () => this.turn(),
      in: () => camera.zoom(Math.LN2 / 2),
      out: () => camera.zoom(-Math.LN2 / 2),
    };
    for (const [name, button] of this.buttons) this.press(button, acts[name]);
    this.press(find("back"), () => camera.fly(camera.position));
    find("speed").addEventListener("change", () => this.act(() => {
      camera.speed = Number(find("speed").value);
      find("view").focus();
    }));
    for (const event of ["pointermove", "pointerdown", "keydown", "wheel", "focusin"]) {
      document.addEventListener(event, () => this.awake(), { passive: true });
    }
    this.listenToSlider();
    if (!document.fullscreenEnabled) this.buttons.get("full").hidden = true;
  }

  /** Let a button act. Pressed by a pointer it gives the keys back to the picture: space then plays, as elsewhere. */
  press(button, action) {
    button.addEventListener("click", (event) => {
      if (event.detail) find("view").focus();
      this.act(action);
    });
  }

  act(action) {
    action();
    this.awake();
    this.wake();
  }

  listenToSlider() {
    const { camera, geometry } = this;
    const slider = find("slider");
    slider.addEventListener("input", () => this.act(() => {
      const share = geometry.loop ? Math.min(slider.value, 1 - 1e-6) : slider.value; // a loop's end is its beginning
      camera.jump(geometry.positionAt(share * geometry.way));
    }));
    slider.addEventListener("keydown", (event) => {
      const by = { ArrowRight: 1, ArrowUp: 1, ArrowLeft: -1, ArrowDown: -1, PageUp: -FINENESS, PageDown: FINENESS };
      const ends = { Home: 0, End: geometry.last };
      if (!(event.key in by) && !(event.key in ends)) return;
      event.preventDefault(); // the browser's own steps are a hundredth of the way, however many levels it has
      const to = ends[event.key] ?? (Math.round(camera.position * FINENESS) + by[event.key]) / FINENESS;
      this.act(() => camera.jump(Math.min(Math.max(to, 0), geometry.last)));
    });
    const scale = find("scale");
    scale.addEventListener("pointermove", (event) => this.showPreview(event));
    scale.addEventListener("pointerleave", () => { find("preview").hidden = true; });
  }

  /** Over the slider: the level that it would lead to. */
  showPreview(event) {
    if (event.pointerType === "touch") return;
    const [box, preview] = [find("slider").getBoundingClientRect(), find("preview")];
    const share = Math.min(Math.max((event.clientX - box.left) / box.width, 0), 1);
    const level = this.geometry.wrap(Math.round(this.geometry.positionAt(share * this.geometry.way)));
    preview.hidden = false;
    preview.firstElementChild.src = thumbSource(this.scene, level);
    preview.lastElementChild.textContent = this.scene.prompts[level];
    const half = preview.offsetWidth / 2;
    preview.style.left = `${Math.min(Math.max(share * box.width, half), Math.max(box.width - half, half))}px`;
  }

  markLevels() {
    const { geometry } = this;
    for (let level = 0; level <= geometry.last && geometry.way; level += 1) {
      const tick = document.createElement("span");
      tick.style.left = `${(100 * geometry.depths[level]) / geometry.way}%`;
      find("ticks").append(tick);
    }
    for (const speed of SPEEDS) find("speed").append(new Option(`${speed}×`, speed, speed === 1, speed === 1));
  }

  fillLists() {
    const { scene, words, camera } = this;
    find("about-head").textContent = scene.title;
    const facts = { Levels: String(scene.prompts.length), ...scene.facts };
    for (const [name, text] of Object.entries(facts)) {
      find("about").querySelector("dl").append(element("dt", name), element("dd", text));
    }
    scene.prompts.forEach((prompt, level) => {
      const button = document.createElement("button");
      const [picture, text] = [new Image(), element("span", prompt)];
      Object.assign(picture, { src: thumbSource(scene, level), alt: "", loading: "lazy" });
      text.dir = "auto";
      const width = words.width(level);
      button.append(picture, text, element("small", width === null ? "" : words.say(width)));
      button.addEventListener("click", () => this.act(() => {
        find("levels").close();
        camera.fly(level);
      }));
      const item = document.createElement("li");
      item.append(button);
      find("levels").querySelector("ol").append(item);
    });
    for (const dialog of document.querySelectorAll("dialog")) this.closable(dialog);
  }

  closable(dialog) {
    const button = document.createElement("button");
    button.className = "close";
    button.setAttribute("aria-label", "Close");
    button.append(icon("close"));
    button.addEventListener("click", () => dialog.close());
    dialog.prepend(button);
    dialog.addEventListener("click", (event) => {
      if (event.target === dialog) dialog.close(); // beside it: the dialog's own box is its backdrop's child
    });
  }

  toggle(name) {
    const dialog = find(name);
    if (dialog.open) {
      dialog.close();
      return;
    }
    for (const other of document.querySelectorAll("dialog[open]")) other.close();
    dialog.showModal();
    dialog.querySelector("[aria-current]")?.scrollIntoView({ block: "center" });
  }

  toggleMap() {
    this.hidden = !this.hidden;
    this.buttons.get("map").setAttribute("aria-pressed", String(!this.hidden));
  }

  fullScreen() {
    if (document.fullscreenElement) document.exitFullscreen();
    else document.documentElement.requestFullscreen?.().catch(() => this.say("This browser keeps the page in its window."));
  }

  async copyLink() {
    try {
      await navigator.clipboard.writeText(location.href.split("#")[0] + this.place());
      this.say("The link to this place is copied.");
    } catch {
      this.say("The link to this place stands in the address bar.");
    }
  }

  turn() {
    this.camera.backwards = !this.camera.backwards;
    this.say(this.camera.backwards ? "Play goes outwards." : "Play goes inwards.");
  }

  faster(by) {
    const index = Math.min(Math.max(SPEEDS.indexOf(this.camera.speed) + by, 0), SPEEDS.length - 1);
    this.camera.speed = SPEEDS[index];
    find("speed").value = SPEEDS[index];
    this.say(`Speed ${SPEEDS[index]}×`);
  }

  say(text) {
    const notice = find("notice");
    notice.textContent = text;
    notice.hidden = false;
    clearTimeout(this.saying);
    this.saying = setTimeout(() => { notice.hidden = true; }, NOTICE_MS);
  }

  /** A hand is on something: the panels come back, and step back again when play goes on alone. */
  awake() {
    document.body.classList.remove("idle");
    clearTimeout(this.idling);
    this.idling = setTimeout(() => {
      if (this.camera.playing && !document.querySelector("dialog[open]")) document.body.classList.add("idle");
    }, IDLE_MS);
  }

  /** Show where the camera is. */
  update() {
    const { camera, geometry } = this;
    const position = camera.position;
    const level = geometry.loop ? geometry.wrap(Math.round(position)) : Math.min(Math.round(position), geometry.last);
    this.showLevel(level);
    this.showWidth(position);
    const slider = find("slider");
    slider.value = camera.progress;
    slider.style.setProperty("--gone", `${camera.progress * 100}%`);
    slider.setAttribute("aria-valuetext", [`level ${level + 1}`, find("width").textContent].filter(Boolean).join(", "));
    this.showPlay();
    find("back").hidden = camera.playing || Math.hypot(...geometry.offset(camera.view)) < 0.6;
  }

  showPlay() {
    const { playing } = this.camera;
    if (playing === this.playing) return;
    this.playing = playing;
    const button = this.buttons.get("play");
    button.querySelector("use").setAttribute("href", playing ? "#icon-pause" : "#icon-play");
    button.title = playing ? "Pause (space)" : "Play (space)";
    button.setAttribute("aria-label", button.title);
    if (!playing) document.body.classList.remove("idle");
    this.awake();
  }

  showWidth(position) {
    const metres = this.words.width(position);
    find("bar").hidden = metres === null;
    if (metres === null) return;
    find("width").textContent = `${this.words.say(metres)} across`;
    const { geometry, camera } = this;
    const view = geometry.settled(camera.view);
    const pixels = geometry.width * geometry.fit(camera.screen) * Math.exp(view.zoom);
    const seen = camera.screen.width / pixels * this.words.width(view.level);
    const { length, text } = this.words.bar(seen, camera.screen.width);
    find("bar").style.width = `${length}px`;
    find("bar").firstElementChild.textContent = text;
  }

  showLevel(level) {
    if (level === this.level) return;
    this.level = level;
    const { scene } = this;
    find("prompt").textContent = scene.prompts[level];
    find("prompt").title = scene.prompts[level];
    find("number").textContent = `Level ${level + 1} of ${scene.prompts.length}`;
    [...find("ticks").children].forEach((tick, index) => tick.classList.toggle("here", index === level));
    find("levels").querySelectorAll("li button").forEach((button, index) => {
      if (index === level) button.setAttribute("aria-current", "true");
      else button.removeAttribute("aria-current");
    });
    restart(find("caption"), "fresh");
    find("view").setAttribute("aria-label", `${scene.title}. Level ${level + 1}: ${scene.prompts[level]}`);
    clearTimeout(this.speaking);
    this.speaking = setTimeout(() => this.speak(), SPEAK_MS);
  }

  speak() {
    const words = [find("number").textContent, this.scene.prompts[this.level], find("width").textContent];
    find("live").textContent = words.filter(Boolean).join(". ");
  }
}

function element(name, text) {
  const made = document.createElement(name);
  made.textContent = text;
  return made;
}

function icon(name) {
  const space = "http://www.w3.org/2000/svg";
  const [svg, use] = [document.createElementNS(space, "svg"), document.createElementNS(space, "use")];
  use.setAttribute("href", `#icon-${name}`);
  svg.append(use);
  return svg;
}

/** Let a class's animation run from its start. */
function restart(target, name) {
  target.classList.remove(name);
  void target.offsetWidth;
  target.classList.add(name);
}

function thumbSource(scene, level) {
  return `data:image/jpeg;base64,${scene.thumbs[level]}`;
}
