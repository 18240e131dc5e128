/** Initials, and a colour computed from the id, the same as the server's filters compute. */

import { GOLDEN, HUES } from "../protocol.js";

export function initials(nickname) {
  const words = nickname.split(/[\s_.]+/u).filter(Boolean);
  const letters = words.slice(0, 2).map((word) => [...word][0]);
  return letters.join("").toUpperCase() || "?";
}

/** Golden-angle steps by the number at the end of the id, as the server's `hue`. */
export function hue(id) {
  const turned = (Number.parseInt(id.slice(-6), 16) * GOLDEN) % 2 ** 24;
  return `hue-${Math.floor((turned * HUES) / 2 ** 24)}`;
}
