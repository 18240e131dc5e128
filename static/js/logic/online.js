/**
 * Who is online, as far as this page knows. The server numbers its changes; this holds all up to
 * `upTo`. Each method says in an `Outcome` what the page has to do now.
 *
 * Of a crowd the server names a part and counts the others. Then a person of whom nothing was said
 * is "unknown", and those of whom it was said that they are offline are remembered, too.
 */

import { MODE_DEGRADED, MODE_NORMAL, PEOPLE_NAMED } from "../protocol.js";

/** What the page has to do: show these people anew, or everybody; ask for the whole list. */
class Outcome {
  people = [];
  isAll = false;
  isListChanged = false;
  ask = false; // "now", "soon", or false

  with(more) {
    return Object.assign(this, more);
  }
}

export class OnlineSet {
  #online;
  #early = new Map(); // changes whose predecessors are still on their way, by number
  #isTold = true; // the server knows of everybody, not only of those connected to its process
  #isPart; // there were others when the list was made
  #notNamed; // how many others are online
  #offline = new Set(); // known to be, where not everybody online is named

  /** So do we: whoever is not online is offline, not unknown. */
  isWhole = true;

  /** `upTo`: the number of the last change that these people show. `more`: others online. */
  constructor(people = [], upTo = 0, more = 0) {
    this.upTo = upTo;
    this.#set(people, more);
  }

  #set(people, more) {
    this.#online = new Set(people);
    this.#notNamed = more;
    this.#isPart = more > 0;
    this.#offline.clear();
  }

  get people() {
    return [...this.#online];
  }

  /** How many are online besides these people, as far as the server said. */
  get more() {
    return this.#notNamed;
  }

  /** A change has come whose predecessor has not. */
  get hasGap() {
    return this.#early.size > 0;
  }

  has = (id) => this.#online.has(id);

  /** "online", "offline" or "unknown". */
  stateOf(id) {
    if (this.has(id)) return "online";
    const isKnown = this.isWhole && (!this.#isPart || this.#offline.has(id));
    return isKnown ? "offline" : "unknown";
  }

  /** What a page from the server says of a person of whom nothing else was said. */
  seen(id, state) {
    if (!this.isWhole || this.stateOf(id) !== "unknown") return;
    if (state === "offline") this.#offline.add(id);
    if (state !== "online") return;
    this.#came(id);
    this.#count(-1); // one of those who were counted
  }

  /** A `presence` event. */
  told(change) {
    if (change.greeting) return this.#greeted(change);
    const outcome = new Outcome();
    if (change.seq) {
      this.#early.set(change.seq, change);
      return this.#applyNext(outcome);
    }
    // A process without Redis counts nothing, and may know its own people only.
    if (change.known === false && this.#isTold) this.#forget(outcome);
    return this.#apply(change, outcome);
  }

  /** A `system` event: changes may have been lost, whether or not the mode is another one. */
  modeIs(mode) {
    const outcome = new Outcome();
    if (mode === MODE_DEGRADED && this.#isTold) this.#forget(outcome);
    if (mode !== MODE_NORMAL) return outcome;
    this.#isTold = true;
    return outcome.with({ ask: "soon" });
  }

  /** To be taken before the list is asked for: it holds whatever was announced by then. */
  asking() {
    return { reached: Math.max(this.upTo, ...this.#early.keys()), isTold: this.#isTold };
  }

  /** The list, and how many `more` are online, as it was answered to what `asking` said. */
  listed(people, { reached, isTold }, more = 0) {
    if (isTold !== this.#isTold) return new Outcome().with({ ask: "soon" }); // an answer of before
    this.#set(people, more);
    this.isWhole = this.#isTold;
    this.upTo = Math.max(this.upTo, reached);
    return this.#applyNext(new Outcome().with({ isAll: true, isListChanged: true }));
  }

  // The first word on a new connection: what changed since the number that we named.
  #greeted({ seq = 0, known, missed, ...change }) {
    const outcome = new Outcome();
    this.#isTold = known;
    if (!known) this.#forget(outcome);
    else if (!missed && seq > this.upTo) this.#applyNet(change, outcome);
    this.upTo = Math.max(this.upTo, seq || 0);
    if (missed || !this.isWhole) return outcome.with({ ask: "now" });
    return this.#applyNext(outcome.with({ isAll: true }));
  }

  // What changed in sum: an unknown person may have been online before, and is counted then.
  #applyNet(change, outcome) {
    const { online: came = [], offline: went = [] } = change;
    const isUnknown = [...came, ...went].some((id) => this.stateOf(id) === "unknown");
    this.#apply(change, outcome);
    if (isUnknown) outcome.with({ ask: "soon" });
  }

  // Nobody tells us of other processes' people any more: what was said of them may be over.
  #forget(outcome) {
    this.#isTold = this.isWhole = false;
    this.#set([], 0);
    outcome.with({ isAll: true, isListChanged: true });
  }

  #came(id) {
    this.#online.add(id);
    this.#offline.delete(id);
  }

  #went(id) {
    // An unknown person who goes was one of those who were counted.
    if (this.stateOf(id) === "unknown") this.#count(-1);
    this.#online.delete(id);
    if (this.#isPart) this.#offline.add(id);
  }

  #count(by) {
    this.#notNamed = Math.max(0, this.#notNamed + by);
  }

  #apply({ online: came = [], offline: went = [] }, outcome) {
    for (const id of came) this.#came(id);
    for (const id of went) this.#went(id);
    outcome.people.push(...came, ...went);
    return outcome.with({ isListChanged: true });
  }

  #applyNext(outcome) {
    for (const seq of this.#early.keys()) if (seq <= this.upTo) this.#early.delete(seq);
    while (this.#early.has(this.upTo + 1)) {
      this.upTo += 1;
      this.#apply(this.#early.get(this.upTo), outcome);
      this.#early.delete(this.upTo);
    }
    return outcome;
  }
}

/** The people whom the sidebar names, by name. `names`: those that are known, by id. */
export function peopleToName(people, names) {
  const known = people.filter((id) => names.has(id));
  known.sort((a, b) => names.get(a).localeCompare(names.get(b)));
  return known.slice(0, PEOPLE_NAMED);
}

/** Whether so many names are known that asking for the others can wait. */
export function hasNamesEnough(people, names) {
  const known = people.filter((id) => names.has(id)).length;
  return known >= Math.min(PEOPLE_NAMED / 2, people.length);
}
