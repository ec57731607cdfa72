// Exact decimal text in, text for the eye out. No value passes through a float on its way to a reader.

export type Decimal = string;

interface Parts {
  negative: boolean;
  digits: bigint;
  scale: number;
}

const SHAPE = /^(-)?(\d+)(?:\.(\d+))?$/;
const TRUE_MINUS = "\u2212";

export type Numbers = "point" | "comma" | "space";

interface Marks {
  point: string;
  group: string;
}

const MARKS: Readonly<Record<Numbers, Marks>> = {
  point: { point: ".", group: "," },
  comma: { point: ",", group: "." },
  space: { point: ",", group: "\u202f" },
};
let marks: Marks = MARKS.point;

/** How numbers are written from here on: by the reader's choice, everywhere the same. */
export function writeNumbers(style: Numbers): void {
  marks = MARKS[style];
}

function parse(text: Decimal): Parts {
  const match = SHAPE.exec(expand(text.trim()));
  if (match === null) throw new RangeError(`expected a decimal number, received ${JSON.stringify(text)}`);
  const fraction = match[3] ?? "";
  return { negative: match[1] === "-", digits: BigInt((match[2] ?? "0") + fraction), scale: fraction.length };
}

// "1.5E-7" is how some writers spell small decimals
function expand(text: string): string {
  const match = /^(-?)(\d+)(?:\.(\d+))?[eE]([+-]?\d+)$/.exec(text);
  if (match === null) return text.startsWith("+") ? text.slice(1) : text;
  const digits = (match[2] ?? "") + (match[3] ?? "");
  const point = (match[2] ?? "").length + Number(match[4]);
  const padded = point <= 0 ? "0".repeat(1 - point) + digits : digits.padEnd(point, "0");
  const at = Math.max(point, 1);
  const fraction = padded.slice(at);
  return `${match[1] ?? ""}${padded.slice(0, at)}${fraction === "" ? "" : `.${fraction}`}`;
}

function signed(parts: Parts): bigint {
  return parts.negative ? -parts.digits : parts.digits;
}

function floorDivide(value: bigint, by: bigint): bigint {
  const quotient = value / by;
  return value % by !== 0n && value < 0n ? quotient - 1n : quotient;
}

/** Round down (never in the trader's favour) to so many places, as a scaled integer. */
function scaled(text: Decimal, places: number): bigint {
  const parts = parse(text);
  const value = signed(parts);
  if (parts.scale <= places) return value * 10n ** BigInt(places - parts.scale);
  return floorDivide(value, 10n ** BigInt(parts.scale - places));
}

function grouped(whole: string): string {
  return whole.replace(/\B(?=(\d{3})+(?!\d))/g, marks.group);
}

function split(value: bigint, places: number): [whole: string, fraction: string] {
  const digits = (value < 0n ? -value : value).toString().padStart(places + 1, "0");
  const cut = digits.length - places;
  return [digits.slice(0, cut), digits.slice(cut)];
}

function written(value: bigint, places: number): string {
  const [whole, fraction] = split(value, places);
  return places === 0 ? grouped(whole) : `${grouped(whole)}${marks.point}${fraction}`;
}

/** As the API writes it, for further reckoning. */
function exact(value: bigint, places: number): Decimal {
  const [whole, fraction] = split(value, places);
  return `${value < 0n ? "-" : ""}${whole}${places === 0 ? "" : `.${fraction}`}`;
}

/** -1, 0 or 1: the sign of the exact value, not of what is left of it after rounding. */
export function signOf(text: Decimal): -1 | 0 | 1 {
  const value = signed(parse(text));
  return value === 0n ? 0 : value < 0n ? -1 : 1;
}

/** "1234.567" with 2 places is "1,234.56"; rounds down. */
export function decimal(text: Decimal, places: number): string {
  const value = scaled(text, places);
  return (value < 0n ? TRUE_MINUS : "") + written(value, places);
}

/** Money with its currency and a sign that cannot be missed: "+$1.20", "\u2212$0.03". */
export function usd(text: Decimal, places = 2): string {
  const value = scaled(text, places);
  const sign = value < 0n ? TRUE_MINUS : value > 0n ? "+" : "";
  return `${sign}$${written(value, places)}`;
}

/** An amount of money that is no profit or loss: "$1,000.00". */
export function dollars(text: Decimal, places = 2): string {
  const value = scaled(text, places);
  return `${value < 0n ? TRUE_MINUS : ""}$${written(value, places)}`;
}

export function bps(text: Decimal, places = 1): string {
  const value = scaled(text, places);
  const sign = value < 0n ? TRUE_MINUS : value > 0n ? "+" : "";
  return `${sign}${written(value, places)}`;
}

/** As many places as are needed, at most so many; for sizes and prices. */
export function trimmed(text: Decimal, most: number): string {
  const shown = decimal(text, most);
  if (most === 0) return shown;
  const kept = shown.replace(/0+$/, "");
  return kept.endsWith(marks.point) ? kept.slice(0, -1) : kept;
}

/** For drawing only; never returns to a value that is shown as text. */
export function drawn(text: Decimal | null | undefined): number | null {
  return text === null || text === undefined ? null : Number(text);
}

export function compare(a: Decimal, b: Decimal): number {
  const left = parse(a);
  const right = parse(b);
  const places = Math.max(left.scale, right.scale);
  const difference = scaled(a, places) - scaled(b, places);
  return difference === 0n ? 0 : difference < 0n ? -1 : 1;
}

export function sum(values: readonly Decimal[]): Decimal {
  const places = Math.max(0, ...values.map((value) => parse(value).scale));
  const total = values.reduce((so_far, value) => so_far + scaled(value, places), 0n);
  return exact(total, places);
}

export function isDecimal(text: string): boolean {
  return SHAPE.test(text.trim());
}

/** One decimal less another, exactly. */
export function difference(first: Decimal, second: Decimal): Decimal {
  const places = Math.max(parse(first).scale, parse(second).scale);
  return exact(scaled(first, places) - scaled(second, places), places);
}
