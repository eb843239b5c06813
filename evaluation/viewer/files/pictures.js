// The levels' pictures: decoded when they come near, forgotten when they are far and memory is dear.

const MEMORY = 256 * 2 ** 20; // bytes of decoded pictures that are kept
const AT_ONCE = 2; // decodings that run beside each other

class Pictures {
  /** onReady(level) is called when a picture has come, onFailed(level) when its bytes are no picture. */
  constructor(scene, onReady, onFailed) {
    this.kept = Math.max(Math.floor(MEMORY / (4 * scene.size[0] * scene.size[1])), 8);
    this.onReady = onReady;
    this.onFailed = onFailed;
    this.ready = new Map(); // by level, the longest unused first
    this.running = new Set();
    this.failed = new Set();
    this.wanted = [];
  }

  /** The picture of a level, or null while it is not there. */
  get(level) {
    const picture = this.ready.get(level);
    if (!picture) return null;
    this.ready.delete(level);
    this.ready.set(level, picture);
    return picture;
  }

  has(level) {
    return this.ready.has(level);
  }

  /** Ask for levels, the most urgent first; what was asked for before and has not begun is dropped. */
  want(levels) {
    this.wanted = levels;
    this.next();
  }

  next() {
    for (const level of this.wanted) {
      if (this.running.size >= AT_ONCE) return;
      if (!this.ready.has(level) && !this.running.has(level) && !this.failed.has(level)) this.decode(level);
    }
  }

  async decode(level) {
    const holder = document.getElementById(`level-${level}`);
    if (!holder) return; // the page is still coming in; it asks again when it is whole
    this.running.add(level);
    try {
      const picture = await createImageBitmap(new Blob([bytes(holder.textContent)], { type: "image/jpeg" }));
      this.ready.set(level, picture);
      this.forget();
      this.onReady(level);
    } catch {
      this.failed.add(level);
      this.onFailed(level);
    }
    this.running.delete(level);
    this.next();
  }

  forget() {
    for (const [level, picture] of this.ready) {
      if (this.ready.size <= this.kept) return;
      if (this.wanted.includes(level)) continue;
      picture.close();
      this.ready.delete(level);
    }
  }
}

function bytes(base64) {
  const letters = atob(base64);
  const found = new Uint8Array(letters.length);
  for (let i = 0; i < letters.length; i += 1) found[i] = letters.charCodeAt(i); // several times quicker than `from`
  return found;
}
