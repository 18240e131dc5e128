/** The layout of a list of messages: days, the "new" line, groups, gaps. */

import { GROUPED_SECONDS } from "../protocol.js";
import { dayKey } from "./phrasebook.js";

/** The separators above a message: [kind, day] of each. `previous`: the message before, if any. */
export function linesAbove({ seq, created }, previous, newSeq) {
  const lines = [];
  const day = dayKey(created);
  if (!previous || dayKey(previous.created) !== day) lines.push(["day", day]);
  if (newSeq !== null && seq === newSeq) lines.push(["new-line", ""]);
  return lines;
}

/** Whether a message continues the one before it, so that its author is not repeated. */
export function continues({ author, created }, previous) {
  if (!previous || previous.author !== author) return false;
  return created - previous.created <= GROUPED_SECONDS * 1000;
}

/** Whether there is a gap between the shown messages (`first` to `last`) and this number. */
export function isOutside(seq, { first, last, hasOlder, hasNewer }) {
  return (hasOlder && seq < first) || (hasNewer && seq > last);
}
