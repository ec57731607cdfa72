// Who is signed in, and what the role allows. The server decides; this only hides what it would refuse.
import { createContext, useContext } from "react";

export type Role = "viewer" | "operator" | "admin";

const RANK: Readonly<Record<Role, number>> = { viewer: 0, operator: 1, admin: 2 };

export interface Session {
  username: string;
  role: Role;
  signOut: () => void;
}

export const SessionContext = createContext<Session>({ username: "", role: "viewer", signOut: () => undefined });

export function useSession(): Session {
  return useContext(SessionContext);
}

export function useMay(least: Role): boolean {
  return RANK[useSession().role] >= RANK[least];
}
