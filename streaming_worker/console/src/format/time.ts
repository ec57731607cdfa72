// Times for people. Every text that names a clock time also names its zone.

export type Zone = "utc" | "et" | "local";

const ET = "America/New_York";
export const ZONES: readonly { value: Zone; label: string }[] = [
  { value: "utc", label: "UTC" },
  { value: "et", label: "New York (ET)" },
  { value: "local", label: "this computer" },
];

export function zoneName(zone: Zone): string {
  if (zone === "utc") return "UTC";
  return zone === "et" ? ET : Intl.DateTimeFormat().resolvedOptions().timeZone;
}

interface Fields {
  date: string;
  time: string;
  label: string;
}

const formats = new Map<string, Intl.DateTimeFormat>();

function formatOf(zone: Zone): Intl.DateTimeFormat {
  const timeZone = zoneName(zone);
  let format = formats.get(timeZone);
  if (format === undefined) {
    format = new Intl.DateTimeFormat("en-US", {
      timeZone, hourCycle: "h23", year: "numeric", month: "2-digit", day: "2-digit",
      hour: "2-digit", minute: "2-digit", second: "2-digit", timeZoneName: "short",
    });
    formats.set(timeZone, format);
  }
  return format;
}

function fields(at: Date, zone: Zone): Fields {
  const parts = new Map(formatOf(zone).formatToParts(at).map((part) => [part.type, part.value]));
  const of = (type: Intl.DateTimeFormatPartTypes): string => parts.get(type) ?? "";
  return {
    date: `${of("year")}-${of("month")}-${of("day")}`,
    time: `${of("hour")}:${of("minute")}:${of("second")}`,
    label: zone === "utc" ? "UTC" : of("timeZoneName"),
  };
}

/** "14:03:09 UTC"; the zone is that of the moment, so winter and summer differ. */
export function clock(at: Date | string, zone: Zone): string {
  const { time, label } = fields(new Date(at), zone);
  return `${time} ${label}`;
}

export function stamp(at: Date | string, zone: Zone): string {
  const { date, time, label } = fields(new Date(at), zone);
  return `${date} ${time} ${label}`;
}

const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/** "22 Nov 14:03:09 UTC": for tables, where the year is said only when it is not this one. */
export function brief(at: Date | string, zone: Zone, now: Date): string {
  const { date, time, label } = fields(new Date(at), zone);
  const [year = "", month = "", day = ""] = date.split("-");
  if (year !== fields(now, zone).date.slice(0, 4)) return `${date} ${time} ${label}`;
  return `${Number(day)} ${MONTHS[Number(month) - 1] ?? month} ${time} ${label}`;
}

/** The zone of a moment, for a column's head: "EST", "EDT", "UTC". */
export function labelAt(at: Date | string, zone: Zone): string {
  return fields(new Date(at), zone).label;
}

/** "350 ms", "2.4 s", "3 min", "2 h": how old, in the largest unit that still says something. */
export function age(ms: number): string {
  if (ms < 0) return `${TRUE_MINUS}${age(-ms)}`;
  if (ms < 1_000) return `${Math.round(ms)} ms`;
  if (ms < 10_000) return `${(ms / 1_000).toFixed(1)} s`;
  if (ms < 120_000) return `${Math.round(ms / 1_000)} s`;
  if (ms < 7_200_000) return `${Math.round(ms / 60_000)} min`;
  if (ms < 172_800_000) return `${Math.round(ms / 3_600_000)} h`;
  return `${Math.round(ms / 86_400_000)} d`;
}

const TRUE_MINUS = "\u2212";

/** The UTC moment of a wall clock's "YYYY-MM-DDTHH:MM" in a zone. An hour that a zone skips moves forward. */
export function fromWall(wall: string, zone: Zone): string | null {
  const match = /^(\d{4})-(\d{2})-(\d{2})(?:T(\d{2}):(\d{2}))?$/.exec(wall);
  if (match === null) return null;
  const [year, month, day, hour, minute] = match.slice(1).map((part) => Number(part ?? 0)) as [
    number, number, number, number, number,
  ];
  const asUtc = Date.UTC(year, month - 1, day, hour || 0, minute || 0);
  let guess = asUtc;
  for (let round = 0; round < 2; round += 1) guess = asUtc - offsetAt(guess, zone);
  return new Date(guess).toISOString();
}

function offsetAt(ms: number, zone: Zone): number {
  const { date, time } = fields(new Date(ms), zone);
  return Date.parse(`${date}T${time}Z`) - Math.floor(ms / 1_000) * 1_000;
}

/** The wall clock of a moment, as a form field writes it. */
export function toWall(at: string, zone: Zone): string {
  const { date, time } = fields(new Date(at), zone);
  return `${date}T${time.slice(0, 5)}`;
}

/** The start of the UTC day that holds a moment, so many days earlier. */
export function utcDay(now: number, back = 0): string {
  const day = new Date(now);
  return new Date(Date.UTC(day.getUTCFullYear(), day.getUTCMonth(), day.getUTCDate() - back)).toISOString();
}
