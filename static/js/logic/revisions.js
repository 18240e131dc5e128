/** Which changes of a channel we have. `rev` numbers them without gaps. */

export class Revisions {
  #early = new Set(); // pushed before one of their predecessors

  /** `rev`: we have all changes up to this number. */
  constructor(rev) {
    this.rev = rev;
  }

  /** Whether a change before a pushed one is missing. */
  get hasHole() {
    return this.#early.size > 0;
  }

  /** Add a pushed change; pushes may come in any order. */
  pushed(rev) {
    if (!rev || rev <= this.rev) return;
    if (rev === this.rev + 1) this.reached(rev);
    else this.#early.add(rev);
  }

  /** Record that we have all changes up to this number. */
  reached(rev) {
    this.rev = Math.max(this.rev, rev);
    while (this.#early.delete(this.rev + 1)) this.rev += 1;
    for (const number of this.#early) if (number <= this.rev) this.#early.delete(number);
  }

  /** Changes after this number may be missing: they must be asked for again. */
  rewind(rev) {
    this.rev = Math.min(this.rev, rev);
  }
}

/**
 * Up to which number an answer with changes is complete. The server's `rev` counts only in the last
 * answer.
 */
export function reachOf({ messages, more, rev = 0 }) {
  const newest = newestOf(messages.map(({ message }) => message));
  return more ? newest : Math.max(newest, rev || 0);
}

/** The greatest `rev` of these messages, 0 of none. */
export const newestOf = (messages) => Math.max(0, ...messages.map(({ rev }) => rev || 0));
