/** Updates the sidebar: counts after a disconnect, and links when channels change. */

import * as api from "./api.js";
import { tell, when } from "./bus.js";
import { $, $$, debounce, documentOf, jittered, me } from "./dom.js";
import { localise, t } from "./i18n.js";
import {
  CHANNEL_CHANGED,
  CHANNEL_REMOVED,
  MESSAGE_DELETED,
  MESSAGE_NEW,
  MODE_NORMAL,
  SYSTEM,
  UNREAD,
} from "./protocol.js";
import { room } from "./room.js";
import { toast } from "./toast.js";
import { linkOf, setUnread } from "./unread.js";

const LISTS = ["#channel-links", "#direct-links"];
const OF_CHANNEL = ["#members", ".channel-heading"];

/**
 * Take the lists from a fresh copy of this page: the server already knows how to draw them, and
 * channels change seldom.
 */
export async function rebuild() {
  const here = room;
  let text;
  try {
    const response = await fetch(location.pathname + location.search, {
      headers: { Accept: "text/html" },
    });
    if (!response.ok) return;
    text = await response.text();
  } catch {
    return; // the next connection asks again
  }
  const fresh = documentOf(text);
  if (fresh.body.dataset.userId !== me.id) return; // another account, as the connection will tell
  const isSame = here === room; // another channel may have been entered meanwhile
  for (const selector of isSame ? [...LISTS, ...OF_CHANNEL] : LISTS) {
    const [old, now] = [$(selector), $(selector, fresh)];
    if (old && now && old.innerHTML !== now.innerHTML) swap(old, now);
  }
  if (isSame) openedMeanwhile($("main#channel", fresh));
  tell("sidebar:rebuilt");
}

function swap(old, now) {
  const focused =
    old.contains(document.activeElement) && document.activeElement.getAttribute("href");
  localise(now);
  old.replaceChildren(...now.childNodes);
  if (focused) $(`[href="${CSS.escape(focused)}"]`, old)?.focus();
}

// This person joined from another tab, or the channel was archived: the page lacks its composer, or
// has one too many, so it is loaded again - unless there is something typed in it.
function openedMeanwhile(fresh) {
  const main = $("main#channel[data-channel-id]");
  if (!main || !fresh) return;
  const { channelId, slug, member } = fresh.dataset;
  if (channelId && !room.id) tell("opened", { id: channelId, slug });
  if ($("#composer textarea")?.value) return;
  const hasComposer = (root) => Boolean($("#composer", root));
  if (main.dataset.member !== member || hasComposer(main) !== hasComposer(fresh)) location.reload();
}

// Only the server knows whether a deleted message was unread.
const refreshSoon = debounce(refreshCounts, jittered(1500));

// When processes hear each other again: what was said meanwhile was not counted on.
const refreshLater = debounce(refreshCounts, 500 + Math.random() * 4000);
const rebuildSoon = debounce(rebuild, jittered(300));

function changed({ channel, joined, left }) {
  const isAboutMe = [joined, left].includes(me.id);
  if ((joined || left) && !isAboutMe) return; // the list of members takes it in
  if (isAboutMe || channel.id === room?.id || linkOf(channel.id)) rebuildSoon();
}

async function ownChannels() {
  const found = [];
  for (let more = true; more;) {
    const after = found.length ? `&after=${found.at(-1).id}` : "";
    const page = await api.get(`/api/channels?member=true${after}`);
    found.push(...page.channels);
    ({ more } = page);
  }
  return found;
}

// Of many channels only those are listed that are unread or were used last.
const leftOut = () =>
  $$("#sidebar .side-empty[data-more]").reduce((sum, { dataset }) => sum + Number(dataset.more), 0);

/** Ask how much is unread in each channel. */
export async function refreshCounts() {
  let channels;
  try {
    channels = await ownChannels();
  } catch {
    return;
  }
  const mine = channels.filter((channel) => !channel.archived);
  const left = mine.filter(({ id, unread, last_seq }) => !setUnread(id, unread, last_seq));
  const isNew = left.length !== leftOut() || left.some(({ unread }) => unread);
  const isGone = $$("[data-channel-link]").some(
    (link) => !mine.some(({ id }) => id === link.dataset.channelLink),
  );
  if (isNew || isGone) rebuildSoon();
}

function removed({ channel }) {
  linkOf(channel)?.closest("li").remove();
  tell("sidebar:rebuilt");
  if (channel !== room?.id) return;
  room.isGone = true;
  toast(t("removed"), "error");
  // What was written for it stays in storage and can still be copied from the field.
  for (const node of $$("#composer, #messages, #load-older")) node.inert = true;
  rebuildSoon();
}

export function start() {
  if (!$("#sidebar")) return;
  when(CHANNEL_CHANGED, changed);
  when(CHANNEL_REMOVED, removed);
  when("connected", () => setTimeout(refreshCounts, Math.random() * 500));
  when(SYSTEM, ({ mode }) => mode === MODE_NORMAL && refreshLater());
  when(MESSAGE_DELETED, ({ channel }) => Number(linkOf(channel)?.dataset.unread) && refreshSoon());
  when(MESSAGE_NEW, ({ message }) => {
    if (!linkOf(message.channel) && message.channel !== room?.id) rebuildSoon();
  });
  when("entered", () => {
    if (room?.id && leftOut() && !linkOf(room.id)) rebuildSoon();
  });
  when(UNREAD, ({ channel, unread }) => {
    if (!linkOf(channel) && (unread || !leftOut())) rebuildSoon();
  });
}
