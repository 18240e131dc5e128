/** The shown channel, and which of its messages we have. Null on other pages. */

import { $, $$ } from "./dom.js";

// Any later change of a row on the page has a greater number than all of them have now.
const newestRev = (main) =>
  Math.max(0, ...$$(".message", main).map((row) => Number(row.dataset.rev) || 0));

function read(main) {
  const data = main.dataset;
  return {
    main,
    // A direct conversation has no id before its first message (conversation.js).
    id: data.channelId,
    slug: data.slug,
    other: data.other || "",
    kind: data.kind,
    isMember: data.member === "true",
    // Without a composer nobody can write here: archived, or not joined yet.
    canWrite: Boolean($("#composer")),
    // Every post, edit and delete of the channel takes the next number; what we hold is complete
    // up to this one. See catchup.js.
    rev: Number(data.rev) || newestRev(main),
    lastSeq: Number(data.lastSeq) || 0,
    lastRead: Number(data.lastRead) || 0,
    hasOlder: data.more === "true",
    // A permalink opens in the middle: between the last row and the present there is a hole, and
    // live messages must not be put on its near side.
    hasNewer: data.newer === "true",
    // The row above which the "new" line stands, and when that was said.
    newSeq: null,
    newAt: "",
    // Where it is shown; and whether it was left since its page was made (kept.js).
    address: location.pathname + location.search,
    wasHere: false,
    // Nobody here may read it any more.
    isGone: false,
    // Which of its changes are held (catchup.js).
    held: null,
    begin(id, slug) {
      Object.assign(this, { id, slug });
      Object.assign(data, { channelId: id, slug });
    },
  };
}

export let room = null;

const rooms = new WeakMap(); // by their part of the page, which may be kept and shown again

export function find() {
  const main = $("main#channel[data-channel-id]");
  if (main && !rooms.has(main)) rooms.set(main, read(main));
  room = rooms.get(main) ?? null;
}
