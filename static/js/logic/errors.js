/** What may come back instead of an answer, and whether it is worth asking again. */

import { PASSING_ERRORS } from "../protocol.js";

/** Plain HTTP said no. Status 0: the server was not reached, so nobody knows what it did. */
export class ApiError extends Error {
  constructor(status, detail, problem = {}) {
    super(detail);
    this.status = status;
    this.problem = problem;
  }

  /** Worth trying again as it is: no connection, overload, or a server that is restarting. */
  get isPassing() {
    return this.status === 0 || this.status === 429 || this.status >= 500;
  }
}

/** A socket event was acknowledged with a refusal; `code` is the error's name. */
export class AckError extends Error {
  constructor(answer) {
    super(answer.detail || answer.error);
    this.code = answer.error;
    this.answer = answer;
  }
}

/** Whether sending the same again is of no use. Somebody who is logged out may log in again. */
export function isRefusal(error) {
  if (error instanceof AckError) return !PASSING_ERRORS.includes(error.code);
  return error instanceof ApiError && !error.isPassing && error.status !== 401;
}
