// The eight screens, in the order of the menu, with the letter that follows "g".

export interface ScreenEntry {
  path: string;
  title: string;
  letter: string;
}

export const SCREENS: readonly ScreenEntry[] = [
  { path: "/", title: "Overview", letter: "o" },
  { path: "/opportunities", title: "Opportunities", letter: "u" },
  { path: "/trades", title: "Trades", letter: "t" },
  { path: "/risk", title: "Risk", letter: "r" },
  { path: "/inventory", title: "Inventory", letter: "i" },
  { path: "/system", title: "System", letter: "s" },
  { path: "/reports", title: "Reports", letter: "d" },
  { path: "/settings", title: "Settings", letter: "e" },
];
