/** Input that is not the PEM or DER it should be. The message says what is wrong with it, to stand after a colon. */
export class FormatError extends Error {}
