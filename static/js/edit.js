/** Edits messages in place, and deletes them after a confirmation. */

import * as api from "./api.js";
import { tell, when } from "./bus.js";
import { $, $$, el } from "./dom.js";
import { confirmed } from "./dialog.js";
import { autosize, isSendKey } from "./field.js";
import { t, tn } from "./i18n.js";
import { hasContent, lengthOf } from "./logic/writing.js";
import { byId, list, markDeleted, put, rows } from "./messages.js";
import { write } from "./outbox.js";
import { MESSAGE_CHARACTERS } from "./protocol.js";
import { room } from "./room.js";
import { isMine, textOf } from "./rows.js";
import { steady } from "./scroll.js";
import { toast } from "./toast.js";
import { during } from "./visit.js";

// The focus goes back to where the edit was begun.
let isFromComposer = false;

// Whoever went on to something else while the server answered keeps the focus there.
const hasMovedOn = (row) =>
  document.activeElement !== document.body && !row.contains(document.activeElement);

function focusOn(row) {
  if (row && !hasMovedOn(row)) row.focus({ preventScroll: true });
}

function close(row) {
  const stays = hasMovedOn(row);
  steady(() => {
    $(".edit-form", row)?.remove();
    row.classList.remove("is-editing");
  });
  if (stays) return;
  if (isFromComposer) tell("edit:done");
  else focusOn(row);
}

function buildForm() {
  const area = el("textarea", {
    class: "edit-text",
    rows: 1,
    dir: "auto",
    "aria-label": t("edit_label"),
  });
  const problem = el("p", { class: "field-error", role: "alert", hidden: true });
  const form = el(
    "form",
    { class: "edit-form" },
    area,
    problem,
    el(
      "div",
      { class: "edit-foot" },
      el("button", { class: "button small primary", type: "submit", text: t("save") }),
      el("button", {
        class: "button small",
        type: "button",
        text: t("cancel"),
        data: { edit: "cancel" },
      }),
      el("span", { class: "hint edit-hint", text: t("edit_hint") }),
    ),
  );
  return { form, area, problem };
}

function fill(area, text) {
  area.value = area.dataset.before = text;
  area.setSelectionRange(text.length, text.length);
}

// A row of the page shows its text rendered. What was typed is asked for; meanwhile the field waits.
async function fetchText(row, area, here) {
  const { id } = row.dataset;
  area.readOnly = true;
  area.setAttribute("aria-busy", "true");
  try {
    const { text } = await during(api.get(`/api/messages/${id}`));
    if (!area.isConnected) return;
    area.readOnly = false;
    area.removeAttribute("aria-busy");
    steady(() => {
      fill(area, text);
      autosize(area);
    });
  } catch (error) {
    if (area.isConnected) close(here());
    if (error.status === 404) markDeleted({ id });
    else toast(error.message, "error");
  }
}

function edit(row, fromComposer = false) {
  isFromComposer = fromComposer;
  const open = $(".edit-form textarea", row);
  if (open) return open.focus();
  const { form, area, problem } = buildForm();
  // The row may be replaced under the form while it is open: always ask where the form is now.
  const here = () => form.closest(".message");
  const say = (text) =>
    steady(() => {
      problem.textContent = text;
      problem.hidden = false;
      area.focus();
    });
  area.addEventListener("input", () => steady(() => autosize(area)));
  area.addEventListener("keydown", (event) => {
    if (isSendKey(event)) {
      event.preventDefault();
      form.requestSubmit();
    } else if (event.key === "Escape" && !event.isComposing) {
      event.stopPropagation();
      close(here());
    }
  });
  $("[data-edit=cancel]", form).addEventListener("click", () => close(here()));
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    if (!area.readOnly) submit(here(), area, say);
  });
  const text = textOf(row);
  steady(() => {
    $(".message-content", row).append(form);
    row.classList.add("is-editing");
    fill(area, text ?? "");
    autosize(area);
  });
  area.focus();
  if (text === undefined) fetchText(row, area, here);
}

/** The message was deleted during the edit: keep the typed text, so that it can be posted anew. */
function outlive(row) {
  const area = $(".edit-form textarea", row);
  if (!area) return;
  if (area.value.trim() === area.dataset.before) return close(row);
  steady(() => {
    row.classList.remove("is-editing");
    $(".edit-form .field-error", row).textContent = t("deleted_meanwhile");
    $(".edit-form .field-error", row).hidden = false;
    $(".edit-form [type=submit]", row).textContent = t("post_anew");
  });
}

function postAnew(row, text) {
  if (hasContent({ text })) write(room.id, text);
  close(row);
}

async function submit(row, area, say) {
  const text = area.value.trim();
  if ("deleted" in row.dataset) return postAnew(row, text);
  if (text === (textOf(row) ?? area.dataset.before)) return close(row);
  if (!hasContent({ text })) return askDelete(row);
  if (lengthOf(text) > MESSAGE_CHARACTERS)
    return say(tn("characters_over", lengthOf(text) - MESSAGE_CHARACTERS));
  const { id } = row.dataset;
  try {
    const message = await during(api.patch(`/api/messages/${id}`, { text }));
    const current = byId(id);
    if (current) close(current);
    put(message);
  } catch (error) {
    if (error.status === 404) return markDeleted({ id }); // the push is still on its way
    say(error.message); // what was typed stays in the form
  }
}

async function askDelete(row) {
  const { id } = row.dataset;
  const question = { title: t("delete_title"), text: t("delete_explain"), action: t("delete") };
  const yes = await confirmed(question);
  if (!yes) return focusOn(byId(id));
  try {
    await during(api.remove(`/api/messages/${id}`));
    markDeleted({ id });
    focusOn(byId(id));
  } catch (error) {
    toast(error.message, "error");
  }
}

// The client id of a message that is to be edited as soon as the server has it.
let awaited = "";

function open(row) {
  row.scrollIntoView({ block: "nearest" });
  edit(row, true);
}

/** ↑ in an empty composer. True if there is a message to edit, now or when it is stored. */
export function editLastOwn() {
  const isEditable = ({ dataset }) => !("deleted" in dataset) && dataset.state !== "unsent";
  const row = rows().findLast((one) => isMine(one) && isEditable(one));
  if (!row) return false;
  if (row.dataset.id) open(row);
  else awaited = row.dataset.clientId;
  return true;
}

// Only who still waits there, with nothing else begun, is taken out of the composer.
function isStillWaiting() {
  const field = document.activeElement;
  return Boolean(field?.closest("#composer")) && !field.value;
}

function openAwaited({ message, row }) {
  if (!awaited || message.client_id !== awaited) return;
  awaited = "";
  if (isStillWaiting()) open(row);
}

function onClick(event) {
  const button = event.target.closest("[data-action=edit], [data-action=delete]");
  if (!button) return;
  event.preventDefault();
  const row = button.closest(".message");
  if (button.dataset.action === "edit") edit(row);
  else askDelete(row);
}

export function enter(signal) {
  awaited = "";
  // The channel was left before the text had come: nothing brings it any more.
  for (const area of $$(".edit-form textarea:read-only", list)) close(area.closest(".message"));
  when("shown", openAwaited, signal);
  when("shown", ({ row }) => "deleted" in row.dataset && outlive(row), signal);
  when("deleted", outlive, signal);
  when("outbox:added", () => (awaited = ""), signal);
  list.addEventListener("click", onClick, { signal });
}
