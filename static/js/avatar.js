/** Initials on a colour that follows from the id: the same as the server's filters give. */

const HUES = 12;

export function initials(nickname) {
  const words = nickname.split(/[\s_.]+/u).filter(Boolean);
  const letters = words.slice(0, 2).map((word) => [...word][0]);
  return letters.join("").toUpperCase() || "?";
}

function crc32(text) {
  let crc = ~0;
  for (const byte of new TextEncoder().encode(text)) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit += 1) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0);
  }
  return ~crc >>> 0;
}

export const hue = (id) => `hue-${crc32(id) % HUES}`;

export function paint(node, person, size = "") {
  if (!node) return;
  node.textContent = initials(person.nickname);
  node.className = `avatar ${hue(person.id)}${size && ` avatar-${size}`}`;
}
