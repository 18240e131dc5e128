/** Texts in one language: phrases with values, plurals, times and days. */

// Isolates the direction of names that read from right to left (U+2068 … U+2069).
const RIGHT_TO_LEFT = /[\p{Script=Hebrew}\p{Script=Arabic}\p{Bidi_Control}]/u;
const isolated = (value) => (RIGHT_TO_LEFT.test(value) ? `\u2068${value}\u2069` : value);

const filled = (text, values) =>
  text.replace(/\{(\w+)\}/g, (whole, name) => (name in values ? isolated(values[name]) : whole));

const twoDigits = (number) => String(number).padStart(2, "0");

/** "2026-05-03": the calendar day in the reader's zone. */
export function dayKey(date) {
  return [date.getFullYear(), twoDigits(date.getMonth() + 1), twoDigits(date.getDate())].join("-");
}

/** The date of a `dayKey`. */
export function dayOf(key) {
  const [year, month, day] = key.split("-").map(Number);
  return new Date(year, month - 1, day);
}

const DATES = {
  time: { timeStyle: "short" },
  full: { dateStyle: "full", timeStyle: "short" },
  day: { weekday: "long", day: "numeric", month: "long" },
  dayAndMonth: { day: "numeric", month: "long" },
  dayAndYear: { dateStyle: "long" },
};

export class Phrasebook {
  #words;
  #plurals;
  #numbers;
  #dates;

  /** `words`: texts by key; a counted one is an object with a text for each plural category. */
  constructor(locale, words) {
    this.#words = words;
    this.#plurals = new Intl.PluralRules(locale);
    this.#numbers = new Intl.NumberFormat(locale);
    const formats = Object.entries(DATES);
    this.#dates = Object.fromEntries(
      formats.map(([name, options]) => [name, new Intl.DateTimeFormat(locale, options)]),
    );
  }

  has = (key) => key in this.#words;
  number = (value) => this.#numbers.format(value);

  t = (key, values = {}) => {
    const entry = this.#words[key] ?? key;
    return filled(typeof entry === "string" ? entry : entry.other, values);
  };

  /** A counted phrase in the right plural form: tn("unread", 5). */
  tn = (key, count, values = {}) => {
    const entry = this.#words[key];
    if (!entry || typeof entry === "string") return this.t(key, { count, ...values });
    const form = entry[this.#plurals.select(count)] ?? entry.other;
    return filled(form, { count: this.number(count), ...values });
  };

  clockTime = (date) => this.#dates.time.format(date);
  fullTime = (date) => this.#dates.full.format(date);

  dateAtTime = (date, now) => {
    const isThisYear = date.getFullYear() === now.getFullYear();
    const format = isThisYear ? this.#dates.dayAndMonth : this.#dates.dayAndYear;
    return this.t("date_at_time", { date: format.format(date), time: this.clockTime(date) });
  };

  dayName = (date, now) => {
    const yesterday = new Date(now.getFullYear(), now.getMonth(), now.getDate() - 1);
    if (dayKey(date) === dayKey(now)) return this.t("today");
    if (dayKey(date) === dayKey(yesterday)) return this.t("yesterday");
    const isThisYear = date.getFullYear() === now.getFullYear();
    return (isThisYear ? this.#dates.day : this.#dates.dayAndYear).format(date);
  };
}
