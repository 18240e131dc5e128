/**
 * What was written and is not acknowledged yet. Each message is one entry of the store, under the
 * place it waits for: a channel, or a person while there is no conversation with them.
 */

const PERSON = "person-";

/** Where messages to this person wait while there is no conversation with them. */
export const placeOf = (person) => PERSON + person;
export const isPerson = (place) => place.startsWith(PERSON);
export const personOf = (place) => place.slice(PERSON.length);

const keyOf = (item) => `outbox:${item.channel}:${item.client_id}`;

export class Outbox {
  #store;
  #homeless = new Map(); // what found no room in the store: kept as long as the page lives
  #lastAt = 0;

  constructor(store) {
    this.#store = store;
  }

  /** What waits for this place, in the order it was written. */
  waiting(place) {
    const kept = this.#store.names(`outbox:${place}:`).map((name) => this.#store.load(name));
    return [...kept, ...this.#homeless.values()]
      .filter((item) => item?.channel === place)
      .sort((a, b) => a.at - b.at);
  }

  /** The next one to send; one that was refused waits until somebody asks for it. */
  next(place) {
    return this.waiting(place).find(({ state }) => state === "sending");
  }

  /** Every place for which something in the store waits. */
  places() {
    return new Set(this.#store.names("outbox:").map((name) => name.split(":")[1]));
  }

  /** Take in what was written now. Its id makes it harmless to send it twice. */
  add(place, text, clientId, now = Date.now()) {
    this.#lastAt = Math.max(now, this.#lastAt + 1); // two in one millisecond keep their order
    const at = this.#lastAt;
    return this.#keep({
      channel: place,
      text,
      client_id: clientId,
      at,
      state: "sending",
      reason: "",
    });
  }

  /** To be sent again. */
  retry(item) {
    return this.#keep({ ...item, state: "sending", reason: "" });
  }

  /** The server does not take it, and says why. */
  refuse(item, reason) {
    return this.#keep({ ...item, state: "unsent", reason });
  }

  drop(item) {
    this.#homeless.delete(item.client_id);
    this.#store.save(keyOf(item), null);
  }

  /** False when another tab has sent or deleted it meanwhile. */
  has(item) {
    return this.#homeless.has(item.client_id) || this.#store.load(keyOf(item)) !== null;
  }

  /** What waits in one place waits in another from now on. */
  move(from, to) {
    for (const item of this.waiting(from)) {
      this.#store.save(keyOf(item), null); // first: a full storage has room for one of them only
      this.#keep({ ...item, channel: to });
    }
  }

  #keep(item) {
    if (this.#store.save(keyOf(item), item)) this.#homeless.delete(item.client_id);
    else this.#homeless.set(item.client_id, item);
    return item;
  }
}
