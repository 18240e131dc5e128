/**
 * Messages without an acknowledgement. Each is one entry of the store, under its place: a channel, or
 * a person if there is no conversation yet.
 */

const PERSON = "person-";

/** The place for messages to a person without a conversation. */
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

  /** The messages of this place in the order of writing. */
  waiting(place) {
    const kept = this.#store.names(`outbox:${place}:`).map((name) => this.#store.load(name));
    return [...kept, ...this.#homeless.values()]
      .filter((item) => item?.channel === place)
      .sort((a, b) => a.at - b.at);
  }

  /** The next message to send; a refused one waits for a retry of the reader. */
  next(place) {
    return this.waiting(place).find(({ state }) => state === "sending");
  }

  /** All places that have messages. */
  places() {
    return new Set(this.#store.names("outbox:").map((name) => name.split(":")[1]));
  }

  /** Add a message. Because of its id it is harmless to send it twice. */
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

  /** Mark for sending again. */
  retry(item) {
    return this.#keep({ ...item, state: "sending", reason: "" });
  }

  /** Mark as refused, with the reason. */
  refuse(item, reason) {
    return this.#keep({ ...item, state: "unsent", reason });
  }

  drop(item) {
    this.#homeless.delete(item.client_id);
    this.#store.save(keyOf(item), null);
  }

  /** False if another tab has sent or deleted the message. */
  has(item) {
    return this.#homeless.has(item.client_id) || this.#store.load(keyOf(item)) !== null;
  }

  /** Move the messages of one place to another. */
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
