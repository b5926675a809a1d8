/** A text as a shell takes it for one word. */
export function shellWord(text: string): string {
  const plain = /^[\w./@%+=:,-]+$/.test(text);
  return plain ? text : `'${text.replaceAll("'", "'\\''")}'`;
}
