/** How a list of messages reads: days, the line above what is new, groups, holes. */

import { GROUPED_SECONDS } from "../protocol.js";
import { dayKey } from "./phrasebook.js";

/** What stands above a message: [kind, day] of each line. `previous` is the one before, if any. */
export function linesAbove({ seq, created }, previous, newSeq) {
  const lines = [];
  const day = dayKey(created);
  if (!previous || dayKey(previous.created) !== day) lines.push(["day", day]);
  if (newSeq !== null && seq === newSeq) lines.push(["new-line", ""]);
  return lines;
}

/** Whether a message goes on the one before it, so that its author is not named again. */
export function continues({ author, created }, previous) {
  if (!previous || previous.author !== author) return false;
  return created - previous.created <= GROUPED_SECONDS * 1000;
}

/** Is there a hole between what is shown (from `first` to `last`) and this number? */
export function isOutside(seq, { first, last, hasOlder, hasNewer }) {
  return (hasOlder && seq < first) || (hasNewer && seq > last);
}
