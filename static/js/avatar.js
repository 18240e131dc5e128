/** Paints a person's avatar. */

import { hue, initials } from "./logic/avatar.js";

export function paint(node, person, size = "") {
  if (!node) return;
  node.textContent = initials(person.nickname);
  node.className = `avatar ${hue(person.id)}${size && ` avatar-${size}`}`;
}
