/**
 * Writes a text as bytes, piece by piece: joined first, it would cost a string for every second of
 * its pieces and for each number. One object for all texts, as these are the data path.
 */
export class ByteWriter {
  #into: Buffer = Buffer.alloc(0);
  #at = 0;
  #atMs = -1;
  #atText = "";

  /** There is room for all of the body. */
  begin(into: Buffer, at: number): void {
    this.#into = into;
    this.#at = at;
  }

  /** The offset behind what was written. */
  get end(): number {
    return this.#at;
  }

  /** Short, of ASCII. */
  plain(text: string): void {
    const into = this.#into;
    const at = this.#at;
    for (let place = 0; place < text.length; place += 1) into[at + place] = text.charCodeAt(place);
    this.#at = at + text.length;
  }

  text(text: string): void {
    if (text === "") return;
    this.#at += this.#into.write(text, this.#at, "utf8");
  }

  /** Records of one moment stand together. */
  time(ms: number): void {
    if (ms !== this.#atMs) {
      this.#atMs = ms;
      this.#atText = numberText(ms);
    }
    this.plain(this.#atText);
  }

  /** As `numberText`; the most usual ones without a text. */
  number(value: number): void {
    if ((value | 0) === value && value >= 0) {
      this.#digits(value);
      return;
    }
    const thousandths = Math.round(value * 1000);
    if (thousandths >= 0 && thousandths <= 1e9) {
      const whole = (thousandths / 1000) | 0;
      this.#digits(whole);
      this.#decimals((thousandths | 0) - whole * 1000);
    } else this.plain(numberText(value));
  }

  /** "", ".001", … ".01", … ".999". A table of texts would cost a miss of the cache for each. */
  #decimals(thousandths: number): void {
    if (thousandths === 0) return;
    const place = thousandths * 3;
    const [second, third] = [threeDigits[place + 1] as number, threeDigits[place + 2] as number];
    this.#into[this.#at++] = 46;
    this.#into[this.#at++] = threeDigits[place] as number;
    if (second !== 48 || third !== 48) this.#into[this.#at++] = second;
    if (third !== 48) this.#into[this.#at++] = third;
  }

  /** Three at a time: one division for them instead of six. */
  #digits(value: number): void {
    let left = value;
    const above = left > 999;
    if (above) {
      const high = (left / 1000) | 0;
      this.#digits(high);
      left -= high * 1000;
    }
    const place = left * 3;
    if (above || left > 99) this.#into[this.#at++] = threeDigits[place] as number;
    if (above || left > 9) this.#into[this.#at++] = threeDigits[place + 1] as number;
    this.#into[this.#at++] = threeDigits[place + 2] as number;
  }
}

/** "000", "001", … "999". By a loop: `Uint8Array.from` would cost a start a millisecond or two. */
const threeDigits = new Uint8Array(3000);
for (let value = 0; value < 1000; value += 1) {
  threeDigits[value * 3] = 48 + ((value / 100) | 0);
  threeDigits[value * 3 + 1] = 48 + (((value / 10) | 0) % 10);
  threeDigits[value * 3 + 2] = 48 + (value % 10);
}

/** Of an integer from 0 on. */
export function digitsOf(value: number): number {
  let size = 1;
  for (let most = 10; value >= most; most *= 10) size += 1;
  return size;
}

/** At most 3 decimals; what is not a finite number is 0, so that a body is always JSON. */
export function numberText(value: number): string {
  if (Number.isInteger(value)) return String(value);
  return Number.isFinite(value) ? String(Math.round(value * 1000) / 1000) : "0";
}
