/** The server broke HTTP; the message says how and holds nothing the server sent. */
export class HttpError extends Error {}
