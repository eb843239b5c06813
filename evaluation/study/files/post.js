"use strict";
/* Talking to the server. What cannot be sent now is sent again until it arrives: an answer counts once, however often it
   comes. */

class Refused extends Error {
  constructor(status, said) {
    super(said.detail && typeof said.detail === "string" ? said.detail : "The server did not understand this page.");
    Object.assign(this, { status, said });
  }
}

/** The answer to a request, as JSON. Throws Refused, or what fetch throws where nothing was reached. */
async function ask(path, body) {
  const asked = body === undefined ? {} : { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) };
  const answer = await fetch(path, { ...asked, cache: "no-store" });
  const said = await answer.json().catch(() => ({}));
  if (answer.ok) return said;
  throw new Refused(answer.status, said);
}

/** The same, again and again until the server is reached; waiting(seconds) tells of each pause. */
async function insist(path, body, waiting) {
  for (let pause = 1; ; pause = Math.min(2 * pause, 15)) {
    try {
      return await ask(path, body);
    } catch (error) {
      if (error instanceof Refused && error.status < 500) throw error;
      waiting(pause);
      await rest(pause);
    }
  }
}

/** Until some seconds have passed, or the network is back. */
function rest(seconds) {
  return new Promise((done) => {
    setTimeout(done, 1000 * seconds);
    addEventListener("online", done, { once: true });
  });
}
