// What a program calls itself, in a few words. The whole text stays at hand: it is only what somebody claims.

const BROWSERS: readonly [RegExp, string][] = [
  [/Edg\/(\d+)/, "Edge"], [/OPR\/(\d+)/, "Opera"], [/Firefox\/(\d+)/, "Firefox"], [/(?:Headless)?Chrome\/(\d+)/, "Chrome"], [/Version\/(\d+).*Safari/, "Safari"],
];
const SYSTEMS: readonly [RegExp, string][] = [
  [/Android/, "Android"], [/iPhone|iPad/, "iOS"], [/Windows/, "Windows"], [/Mac OS X|Macintosh/, "macOS"], [/CrOS/, "ChromeOS"], [/Linux/, "Linux"],
];
const MOST = 40;

export function programOf(agent: string): string {
  const browser = BROWSERS.map(([shape, name]) => [shape.exec(agent)?.[1], name] as const).find(([version]) => version !== undefined);
  if (browser === undefined) return agent.length > MOST ? `${agent.slice(0, MOST - 1)}\u2026` : agent;
  const system = SYSTEMS.find(([shape]) => shape.test(agent))?.[1];
  return `${browser[1]} ${browser[0] ?? ""}${system === undefined ? "" : `, ${system}`}`;
}
