/**
 * Rows: the server's, and those that we make from a message's data through the page's own template,
 * which is the one that the server's are rendered from (templates/messages/_message.html).
 */

import { paint } from "./avatar.js";
import { $, $$, fragmentOf, me } from "./dom.js";
import { localise, t } from "./i18n.js";
import { LARGE_EMOJI, NOBODY } from "./protocol.js";

let template = null;

export function find() {
  template = $("#message-template");
}

export const isMine = (row) => row.dataset.author === me.id;

/** When its message was written, as the server says it. */
export const createdAt = (row) => $("time", row).dateTime;

// What was written, of messages whose data came here. A row of the page shows it rendered.
const texts = new WeakMap();

/** The text of a row's message as it was typed; undefined where only the server knows it. */
export const textOf = (row) => texts.get(row);

/** What can be reached inside a row, the form for editing it apart. */
export const controlsOf = (row) =>
  $$("a[href], button, [tabindex]", row).filter(
    (node) => !node.hidden && !node.closest(".edit-form, .message-status, .message-more"),
  );

/** Only the row that has the focus has stops for the Tab key inside (list-keys.js). */
export function setReachable(row, is) {
  for (const node of controlsOf(row)) node.tabIndex = is ? 0 : -1;
}

// "Author, text, time", as one name for screen readers.
function name(row) {
  const key = row.id || `c-${row.dataset.clientId}`;
  const parts = [".message-author", ".message-body", ".message-time"].map((selector) =>
    $(selector, row),
  );
  parts.forEach((node, index) => (node.id = `${key}-${index}`));
  row.setAttribute("aria-labelledby", parts.map((node) => node.id).join(" "));
}

/** What a row needs for scripts only, and the times by this device's clock. */
export function dress(row) {
  localise(row);
  name(row);
  row.tabIndex = -1;
  setReachable(row, false);
  const more = $(".message-more", row);
  if (more) more.tabIndex = -1; // by keyboard there is the toolbar (actions.js)
  return row;
}

/** `message` is the API's shape; without an id it is one that is still on its way. */
export function rowFromMessage(message) {
  const row = document.importNode(template.content, true).querySelector("li.message");
  const { dataset } = row;
  if (message.seq) row.id = `m${message.seq}`;
  else row.removeAttribute("id");
  dataset.id = message.id || "";
  dataset.seq = message.seq || "";
  dataset.rev = message.rev || 0;
  dataset.author = message.author.id;
  if (isMine(row)) dataset.clientId = message.client_id;
  fillHead(row, message);
  if (message.deleted) blank(row);
  else fillBody(row, message);
  return dress(row);
}

function fillHead(row, message) {
  paint($(".avatar", row), message.author);
  const author = $(".message-author", row);
  author.textContent = message.author.nickname;
  if (message.author.id === NOBODY) author.removeAttribute("href");
  else author.href = `/dm/${encodeURIComponent(message.author.nickname)}`;
  $("time", row).dateTime = message.created_at;
}

// As the server sees it (chat.text.markdown).
let emoji = null;
try {
  emoji = new RegExp(`^(?:\\p{RGI_Emoji}\\s*){1,${LARGE_EMOJI}}$`, "v");
} catch {
  // a browser of before 2023
}

const isEmoji = (text) => text.length < 100 && Boolean(emoji?.test(text.trim()));

function fillBody(row, message) {
  texts.set(row, message.text);
  const body = $(".message-body", row);
  body.classList.toggle("is-emoji", isEmoji(message.text));
  if (message.html) body.replaceChildren(fragmentOf(message.html));
  else plain(body, message.text);
  if (!message.edited_at) $(".message-edited", row).remove();
  fillReactions($(".reactions", row), message.reactions);
  const more = $(".message-more", row);
  if (message.id) more.setAttribute("href", `/messages/${message.id}/actions`);
  else more.remove();
}

function fillReactions(list, reactions = []) {
  const blankOne = list.firstElementChild;
  list.replaceChildren(
    ...reactions.map(({ emoji: sign, count }) => {
      const node = blankOne.cloneNode(true);
      $(".reaction-emoji", node).textContent = sign;
      $(".reaction-count", node).textContent = count;
      return node;
    }),
  );
  if (!reactions.length) list.remove();
}

// A text that needs no markup comes alone, and what is on its way has no rendering yet.
function plain(body, text) {
  const paragraph = document.createElement("p");
  text.split("\n").forEach((part, index) => {
    if (index) paragraph.append(document.createElement("br"));
    paragraph.append(part);
  });
  body.replaceChildren(paragraph);
}

/** Take the text out of a row that was deleted; its place stays, so that nothing jumps. */
export function blank(row) {
  row.dataset.deleted = "";
  texts.delete(row);
  const gone = document.createElement("p");
  gone.className = "message-gone";
  gone.textContent = t("message_deleted");
  $(".message-body", row).classList.remove("is-emoji");
  $(".message-body", row).replaceChildren(gone);
  for (const node of $$(".message-edited, .reactions, .message-more", row)) node.remove();
}
