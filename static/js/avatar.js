/** Initials on a colour that follows from the id: the same as the server's filters give. */

const HUES = 12;

export function initials(nickname) {
  const parts = nickname.split(/[\s_.-]+/u).filter(Boolean);
  const letters = parts.length > 1 ? [parts[0], parts[1]].map((part) => [...part][0]) : [...nickname].slice(0, 2);
  return letters.join("").toLocaleUpperCase();
}

export function hue(id) {
  let sum = 0;
  for (const letter of id) sum = (sum * 31 + letter.codePointAt(0)) % 9973;
  return `hue-${sum % HUES}`;
}

export function paint(node, person) {
  if (!node) return;
  node.textContent = initials(person.nickname);
  node.className = ["avatar", hue(person.id)].join(" ");
}
