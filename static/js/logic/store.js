/** A part of the browser's storage that belongs to one account. It may be full, blocked or absent. */

export class Store {
  #storage;
  #account;

  /** Both are functions: access to the storage may throw, and the account is known later. */
  constructor(storage, account) {
    this.#storage = storage;
    this.#account = account;
  }

  // Other accounts in the same browser do not see it, and logging out deletes nothing.
  #own(name) {
    return `chat:${this.#account()}:${name}`;
  }

  /** The value of this name; `fallback` if there is none or it is unreadable. */
  load = (name, fallback = null) => {
    try {
      const text = this.#storage().getItem(this.#own(name));
      return text === null ? fallback : JSON.parse(text);
    } catch {
      return fallback;
    }
  };

  /** Store a value under this name, or remove it (null or ""). False if there is no room. */
  save = (name, value) => {
    try {
      if (value === null || value === "") this.#storage().removeItem(this.#own(name));
      else this.#storage().setItem(this.#own(name), JSON.stringify(value));
      return true;
    } catch {
      return false;
    }
  };

  /** Names (without the account's part) that start with `prefix`. */
  names = (prefix) => {
    try {
      return Object.keys(this.#storage())
        .filter((key) => key.startsWith(this.#own(prefix)))
        .map((key) => key.slice(this.#own("").length));
    } catch {
      return [];
    }
  };

  /** Whether a change of this key of the whole storage (null: of all) is one under `prefix`. */
  concerns = (key, prefix) => key === null || key.startsWith(this.#own(prefix));
}
