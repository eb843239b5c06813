"use strict";
/* One picture, large. Arrow keys go to its neighbours in the table that it stands in. */

const lightbox = {
  /** at: [row, column]. picture(row, column): {src, title, words} or null where there is none. rows, columns: how many. */
  open(picture, rows, columns, at) {
    const [image, title, words] = [make("img"), make("span"), make("p", { dir: "auto" })];
    const place = [...at];
    const dialog = make("dialog", { "aria-label": "Picture" });
    const show = () => {
      const found = picture(...place);
      image.src = found.src;
      image.alt = found.words;
      title.textContent = found.title;
      words.textContent = found.words;
    };
    const go = (down, right) => {
      const next = [place[0] + down, place[1] + right];
      const inside = next[0] >= 0 && next[0] < rows && next[1] >= 0 && next[1] < columns;
      if (inside && picture(...next)) {
        place.splice(0, 2, ...next);
        show();
      }
    };
    const button = (text, label, act) => make("button", { type: "button", "aria-label": label, title: label, onclick: act }, text);
    const ways = [["←", "Arm to the left", 0, -1], ["→", "Arm to the right", 0, 1], ["↑", "Wider level", -1, 0], ["↓", "Finer level", 1, 0]];
    dialog.append(
      make("div", { class: "lightbox" },
        make("div", { class: "row" }, title, ways.map(([text, label, down, right]) => button(text, label, () => go(down, right))), button("Close", "Close (Esc)", () => dialog.close())),
        image, words),
    );
    dialog.addEventListener("keydown", (event) => {
      const move = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] }[event.key];
      if (!move) return;
      event.preventDefault();
      go(...move);
    });
    dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());
    dialog.addEventListener("close", () => dialog.remove());
    document.body.append(dialog);
    show();
    dialog.showModal();
  },
};
