/** The matches of the switcher: channels and people whose names contain the letters, best first. */

const MARKS = { private: "lock", direct: "users" };

// ё is е, and case and width don't matter, as people type.
const plain = (text) => text.normalize("NFKC").toLocaleLowerCase().replaceAll("ё", "е");

/** The typed text without a leading # or @. */
export const withoutSign = (typed) => typed.trim().replace(/^[#@]/, "");

const writeTo = (nickname) => `/dm/${encodeURIComponent(nickname)}`;

/** A channel of the server's answer. `me`: the reader's id, for a conversation of two. */
export function placeOfChannel({ slug, title, kind, people = [] }, unread, me) {
  const isOfTwo = kind === "direct" && people.length <= 2;
  return {
    href: isOfTwo ? writeTo(title) : `/channels/${encodeURIComponent(slug)}`,
    name: title,
    unread,
    mark: isOfTwo ? undefined : MARKS[kind] || "hash",
    person: isOfTwo ? people.find((one) => one !== me) || people[0] : undefined,
  };
}

export function placeOfPerson({ id, nickname }) {
  return { href: writeTo(nickname), name: nickname, unread: 0, person: id };
}

// Names that begin with the text come first, then unread channels; the open channel comes last.
function rank({ name, unread, isCurrent }, query) {
  return (plain(name).startsWith(query) ? 0 : 1) + (unread ? 0 : 0.5) + (isCurrent ? 0.9 : 0);
}

/** Matches from the page, then others from the server; each place once. */
export function offer(typed, here, more) {
  const query = plain(typed);
  const seen = new Set();
  const shown = here.filter(({ name }) => plain(name).includes(query));
  // Two spellings of an address are the same.
  const isNew = ({ name, href }) => name && !seen.has(decodeURI(href)) && seen.add(decodeURI(href));
  return [...shown, ...more].filter(isNew).sort((a, b) => rank(a, query) - rank(b, query));
}
