// Tiles as pictures: asked for as long as they are in sight, a few at a time, and kept for a while.

const AT_ONCE = 4; // a browser opens six connections to a server
const MOST = 500; // pictures, of a quarter of a megabyte each
const AGAIN_MS = 4000;
const GONE = "The command that serves this page does not answer. Start it again; the page goes on by itself.";

export const keyOf = (tile) => `${tile.model}/${tile.seed}/${tile.level}/${tile.row}/${tile.column}`;

export class Tiles {
  /** changed: called whenever a tile has come. told: called with words about what went wrong, or "" when it is over. */
  constructor(changed, told) {
    Object.assign(this, { changed, told, kept: new Map(), flights: new Map(), failed: new Map(), wanted: [], view: 0 });
  }

  /** {picture, whole, painted} of a tile, as far as it is here; undefined where nothing is. */
  get(tile) {
    const key = keyOf(tile);
    const found = this.kept.get(key);
    if (found) {
      this.kept.delete(key);
      this.kept.set(key, found);
    }
    return found;
  }

  /** Want these tiles, the first ones first, and no others any more. */
  want(tiles) {
    const keys = new Set(tiles.map(keyOf));
    if (this.wanted.length !== keys.size || !this.wanted.every((tile) => keys.has(keyOf(tile)))) this.view = Date.now();
    this.wanted = [...new Map(tiles.map((tile) => [keyOf(tile), tile])).values()]; // a strip wants what is in sight, too
    for (const [key, flight] of this.flights) if (!keys.has(key)) flight.abort();
    this.pump();
  }

  pump() {
    for (const [turn, tile] of this.wanted.entries()) {
      if (this.flights.size >= AT_ONCE) return;
      const key = keyOf(tile);
      if (!this.kept.get(key)?.whole && !this.flights.has(key) && !this.failed.has(key)) this.fetch(tile, key, turn);
    }
  }

  async fetch(tile, key, turn) {
    const flight = new AbortController();
    this.flights.set(key, flight);
    try {
      const known = this.kept.get(key)?.painted ?? 0;
      const answer = await fetch(`/tile/${key}?view=${this.view}&turn=${turn}&painted=${known}`, { signal: flight.signal });
      if (!answer.ok) throw new Error((await answer.json().catch(() => ({}))).detail || "A tile could not be painted.");
      if (answer.status === 200) await this.keep(key, answer);
      this.recover();
    } catch (error) {
      if (!flight.signal.aborted) this.fail(key, error);
    } finally {
      this.flights.delete(key);
      this.changed();
    }
  }

  async keep(key, answer) {
    const [painted, all] = ["x-painted", "x-tiles"].map((name) => Number(answer.headers.get(name)));
    const picture = await createImageBitmap(await answer.blob());
    this.kept.get(key)?.picture.close();
    this.kept.delete(key);
    this.kept.set(key, { picture, painted, whole: painted === all });
    const most = Math.max(MOST, this.wanted.length + AT_ONCE); // on a huge screen, else those in sight push each other out
    while (this.kept.size > most) {
      const [oldest, { picture: gone }] = this.kept.entries().next().value;
      gone.close();
      this.kept.delete(oldest);
    }
  }

  fail(key, error) {
    this.failed.set(key, setTimeout(() => {
      this.failed.delete(key);
      this.changed();
    }, AGAIN_MS));
    this.trouble = true;
    this.told(error instanceof TypeError ? GONE : error.message);
  }

  recover() {
    if (this.trouble) this.told("");
    this.trouble = false;
  }

  /** How many tiles of the plane itself there are in some tiles, and how many of them are painted. */
  count(tiles) {
    const all = tiles.reduce((sum, tile) => sum + 4 ** tile.level, 0);
    return [tiles.reduce((sum, tile) => sum + (this.kept.get(keyOf(tile))?.painted ?? 0), 0), all];
  }
}
