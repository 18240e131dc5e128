/** Rows: from the server's HTML, or from a message's data through the page's own template. */

import { paint } from "./avatar.js";
import { $, $$, fragmentOf, me } from "./dom.js";
import { localise, t } from "./i18n.js";
import { LARGE_EMOJI, NOBODY } from "./protocol.js";
import { room } from "./room.js";

let template = null;

export function find() {
  template = $("#message-template");
}

export const isMine = (row) => row.dataset.author === me.id;

/** What can be reached inside a row, the form for editing it apart. */
export const controlsOf = (row) =>
  $$("a[href], button, [tabindex]", row).filter(
    (node) => !node.hidden && !node.closest(".edit-form, .message-status"),
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

/** What differs by reader: words, times, and which actions are theirs. */
export function dress(row) {
  localise(row);
  const isStored = Boolean(row.dataset.id);
  const may = {
    "copy-link": isStored,
    edit: isStored && isMine(row) && room.canWrite,
    delete: isStored && (isMine(row) || me.isModerator) && room.canWrite,
  };
  for (const button of $$("[data-action]", row)) button.hidden = !may[button.dataset.action];
  name(row);
  setReachable(row, false);
  return row;
}

export function rowFromHtml(html) {
  return dress($("li.message", fragmentOf(html)));
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
  dataset.nickname = message.author.nickname;
  dataset.clientId = message.client_id || "";
  dataset.created = message.created_at;
  fillHead(row, message);
  if (message.deleted) blank(row);
  else fillBody(row, message);
  for (const button of $$("[data-action]", row)) {
    const suffix = { edit: "/edit", delete: "/delete" }[button.dataset.action] || "";
    button.setAttribute("formaction", `/messages/${message.id}${suffix}`);
  }
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

// As the server sees it (chat.text.markdown); where the expression is not known, large comes with the answer.
let emoji = null;
try {
  emoji = new RegExp(`^(?:\\p{RGI_Emoji}\\s*){1,${LARGE_EMOJI}}$`, "v");
} catch {
  // a browser of before 2023
}

const isEmoji = (text) => text.length < 100 && Boolean(emoji?.test(text.trim()));

function fillBody(row, message) {
  row.dataset.text = message.text;
  const body = $(".message-body", row);
  body.classList.toggle("is-emoji", isEmoji(message.text));
  if (message.html) body.replaceChildren(fragmentOf(message.html));
  else plain(body, message.text);
  const isEdited = Boolean(message.edited_at);
  if (isEdited) row.dataset.edited = "";
  const mark = $(".message-edited", row);
  if (mark) mark.hidden = !isEdited;
}

// What was written shows at once as plain text; the server's rendering follows with the answer.
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
  row.dataset.text = "";
  delete row.dataset.edited;
  const gone = document.createElement("p");
  gone.className = "message-gone";
  gone.textContent = t("message_deleted");
  $(".message-body", row).classList.remove("is-emoji");
  $(".message-body", row).replaceChildren(gone);
  for (const node of $$(".message-edited, .message-actions", row)) node.remove();
}
