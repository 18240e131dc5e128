/** Which changes of a channel are held. `rev` numbers them, one after the other without a hole. */

export class Revisions {
  #early = new Set(); // pushed before one of their predecessors

  /** `rev`: what is held is complete up to this number. */
  constructor(rev) {
    this.rev = rev;
  }

  /** Some change before one that was pushed has not come. */
  get hasHole() {
    return this.#early.size > 0;
  }

  /** A change came by push, in whatever order. */
  pushed(rev) {
    if (!rev || rev <= this.rev) return;
    if (rev === this.rev + 1) this.reached(rev);
    else this.#early.add(rev);
  }

  /** Everything up to this number is held now. */
  reached(rev) {
    this.rev = Math.max(this.rev, rev);
    while (this.#early.delete(this.rev + 1)) this.rev += 1;
    for (const number of this.#early) if (number <= this.rev) this.#early.delete(number);
  }

  /** What came after this number may have been missed: it has to be asked for again. */
  rewind(rev) {
    this.rev = Math.min(this.rev, rev);
  }
}

/**
 * How far an answer to "what changed since?" reaches. The server's own `rev` counts only when there
 * is no more to come.
 */
export function reachOf({ messages, more, rev = 0 }) {
  const newest = newestOf(messages.map(({ message }) => message));
  return more ? newest : Math.max(newest, rev || 0);
}

/** The greatest `rev` of these messages, 0 of none. */
export const newestOf = (messages) => Math.max(0, ...messages.map(({ rev }) => rev || 0));
