/** Things kept for later, by a key: those that were put there last, and not for ever. */
export class Recent {
  #kept = new Map(); // the oldest first
  #most;
  #life;

  /** `life`: for how long, by the clock that `put` and `take` are given. */
  constructor(most, life = Infinity) {
    this.#most = most;
    this.#life = life;
  }

  put(key, thing, now = 0) {
    this.#kept.delete(key);
    this.#kept.set(key, { thing, until: now + this.#life });
    if (this.#kept.size > this.#most) this.#kept.delete(this.#kept.keys().next().value);
  }

  has(key, now = 0) {
    return this.#kept.get(key)?.until > now;
  }

  /** What lies there; undefined if nothing does. */
  get(key, now = 0) {
    return this.has(key, now) ? this.#kept.get(key).thing : undefined;
  }

  /** The same, and it no longer lies there then. */
  take(key, now = 0) {
    const found = this.get(key, now);
    this.#kept.delete(key);
    return found;
  }

  /** Throw away what `isOver` says so of. */
  drop(isOver) {
    for (const [key, { thing }] of this.#kept) if (isOver(thing, key)) this.#kept.delete(key);
  }
}
