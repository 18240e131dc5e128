/** Unread counts of channels: the server's count, and the messages pushed since. */

import { UNREAD_SHOWN } from "../protocol.js";

/** "7", or "99+" for greater counts. */
export const shownCount = (count) => (count > UNREAD_SHOWN ? `${UNREAD_SHOWN}+` : String(count));

export class UnreadCounts {
  #counted = new Map(); // up to which number the server's last word counted
  #coming = new Map(); // messages pushed since, by channel

  /** Set the server's count. False if it is older than the present one. */
  told(channel, lastSeq) {
    // 0 is valid, too: the count is from before the channel's first message.
    if (lastSeq < this.#counted.get(channel)) return false;
    if (lastSeq !== undefined) this.#counted.set(channel, lastSeq);
    this.#coming.delete(channel);
    return true;
  }

  /** Count a pushed unread message. False if the server's count has it already. */
  pushed(channel, seq) {
    if (seq <= this.#counted.get(channel)) return false;
    this.#coming.set(channel, this.coming(channel) + 1);
    return true;
  }

  /** The number of messages pushed since the server's last count. */
  coming = (channel) => this.#coming.get(channel) || 0;
}
