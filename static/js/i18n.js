/** The words the page brought along, plurals, and dates in the reader's language and zone. */

import { serverTime } from "./clock.js";
import { $, $$ } from "./dom.js";

export const locale = document.documentElement.lang || "en";

const words = JSON.parse($("#i18n")?.textContent || "{}");
const plurals = new Intl.PluralRules(locale);
const numbers = new Intl.NumberFormat(locale);

export const number = (value) => numbers.format(value);

// A name that reads from right to left keeps that to itself (U+2068 … U+2069).
const isolated = (value) =>
  /[\p{Script=Hebrew}\p{Script=Arabic}\p{Bidi_Control}]/u.test(value)
    ? `\u2068${value}\u2069`
    : value;
const filled = (text, values) =>
  text.replace(/\{(\w+)\}/g, (whole, name) => (name in values ? isolated(values[name]) : whole));

export function t(key, values = {}) {
  const entry = words[key] ?? key;
  return filled(typeof entry === "string" ? entry : entry.other, values);
}

/** A counted phrase in the right plural form: tn("unread", 5). */
export function tn(key, count, values = {}) {
  const entry = words[key];
  if (!entry || typeof entry === "string") return t(key, { count, ...values });
  const form = entry[plurals.select(count)] ?? entry.other;
  return filled(form, { count: number(count), ...values });
}

const clock = new Intl.DateTimeFormat(locale, { timeStyle: "short" });
const full = new Intl.DateTimeFormat(locale, { dateStyle: "full", timeStyle: "short" });
const day = new Intl.DateTimeFormat(locale, { weekday: "long", day: "numeric", month: "long" });
const dayAndMonth = new Intl.DateTimeFormat(locale, { day: "numeric", month: "long" });
const dayAndYear = new Intl.DateTimeFormat(locale, { dateStyle: "long" });

export const clockTime = (date) => clock.format(date);
export const fullTime = (date) => full.format(date);

/** "2026-05-03": the calendar day in the reader's zone. */
export function dayKey(date) {
  const two = (number) => String(number).padStart(2, "0");
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
}

export function dateAtTime(date, now = serverTime()) {
  const isThisYear = date.getFullYear() === now.getFullYear();
  return t("date_at_time", {
    date: (isThisYear ? dayAndMonth : dayAndYear).format(date),
    time: clockTime(date),
  });
}

export function dayName(date, now = serverTime()) {
  const yesterday = new Date(now.getFullYear(), now.getMonth(), now.getDate() - 1);
  if (dayKey(date) === dayKey(now)) return t("today");
  if (dayKey(date) === dayKey(yesterday)) return t("yesterday");
  return (date.getFullYear() === now.getFullYear() ? day : dayAndYear).format(date);
}

/** Put a pushed piece of page, rendered once for everybody, into the reader's language and zone. */
export function localise(root) {
  for (const node of $$("[data-i18n]", root)) {
    if (node.dataset.i18n in words) node.textContent = t(node.dataset.i18n);
  }
  for (const node of $$("time[datetime]", root)) {
    const date = new Date(node.dateTime);
    if (Number.isNaN(date.getTime())) continue;
    node.textContent = clockTime(date);
    node.title = fullTime(date);
  }
}
