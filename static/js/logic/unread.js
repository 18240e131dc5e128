/** How much is unread in each channel: the server's word, and what was pushed since. */

import { UNREAD_SHOWN } from "../protocol.js";

/** "7", or "99+" of more than fit. */
export const shownCount = (count) => (count > UNREAD_SHOWN ? `${UNREAD_SHOWN}+` : String(count));

export class UnreadCounts {
  #counted = new Map(); // up to which number the server's last word counted
  #coming = new Map(); // messages pushed since, by channel

  /** The server's word, which ends all counting on. False for one that is older than another. */
  told(channel, lastSeq) {
    // 0 is one, too: the list was asked for before the channel's first message.
    if (lastSeq < this.#counted.get(channel)) return false;
    if (lastSeq !== undefined) this.#counted.set(channel, lastSeq);
    this.#coming.delete(channel);
    return true;
  }

  /** A message was pushed that is not read. False if the server's word counted it already. */
  pushed(channel, seq) {
    if (seq <= this.#counted.get(channel)) return false;
    this.#coming.set(channel, this.coming(channel) + 1);
    return true;
  }

  /** How many were pushed since the server's last word. */
  coming = (channel) => this.#coming.get(channel) || 0;
}
