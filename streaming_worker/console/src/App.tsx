// Joins cache, session, preferences and screens. Screens are fetched when they are first opened.
import { createTheme, MantineProvider } from "@mantine/core";
import { QueryClientProvider, useQuery } from "@tanstack/react-query";
import { Fragment, lazy, type ReactNode, Suspense, useCallback, useEffect, useMemo, useState } from "react";
import { createBrowserRouter, RouterProvider, useRouteError } from "react-router";

import { ApiError, get, hasSession, onSignedOut, post, put } from "./api/client";
import { cache } from "./api/queries";
import { type Role, type Session, SessionContext } from "./api/session";
import type { ApiPreferences, Me } from "./api/types";
import { writeNumbers } from "./format/decimal";
import { stream } from "./live/store";
import { Failed, Loading } from "./parts/states";
import { Login } from "./shell/Login";
import { DEFAULTS, fromApi, PreferenceContext, type PreferenceDoor, type Preferences, toApi } from "./shell/preferences";
import { Shell } from "./shell/Shell";
import { Toasts, useSay } from "./shell/toasts";

const look = createTheme({
  primaryColor: "lime",
  defaultRadius: "md",
  respectReducedMotion: true,
  components: {
    // a dialog that locks scrolling would write a style element, which the content security policy forbids
    Modal: { defaultProps: { lockScroll: false, centered: true } },
    Drawer: { defaultProps: { lockScroll: false } },
    NativeSelect: { defaultProps: { size: "xs" } },
    TextInput: { defaultProps: { size: "xs" } },
    Button: { defaultProps: { size: "xs" } },
  },
});

const Overview = lazy(() => import("./screens/Overview"));
const Opportunities = lazy(() => import("./screens/Opportunities"));
const Trades = lazy(() => import("./screens/Trades"));
const Risk = lazy(() => import("./screens/Risk"));
const Inventory = lazy(() => import("./screens/Inventory"));
const System = lazy(() => import("./screens/System"));
const Reports = lazy(() => import("./screens/Reports"));
const Settings = lazy(() => import("./screens/Settings"));

function Broken(): ReactNode {
  return <Failed error={useRouteError()} retry={() => location.reload()} />;
}

function NotFound(): ReactNode {
  return <Failed error={new ApiError(404, "no_such_screen", "There is no screen at this address.", null)} />;
}

const router = createBrowserRouter([
  {
    element: <Shell />,
    children: [
      ...([["/", Overview], ["/opportunities", Opportunities], ["/trades", Trades], ["/risk", Risk], ["/inventory", Inventory],
        ["/system", System], ["/reports", Reports], ["/settings", Settings]] as const).map(([path, Page]) => ({
        path,
        // a boundary of its own for each screen: a click shows the skeleton at once instead of the old screen
        element: <Suspense key={path} fallback={<Loading rows={8} />}><Page /></Suspense>,
        errorElement: <Broken />,
      })),
      { path: "*", element: <NotFound /> },
    ],
  },
]);

/** Ask who we are; null is nobody. */
async function whoAmI(): Promise<Me | null> {
  if (!hasSession()) return null; // a question whose answer is known would be an error in the browser's log
  try {
    return await get<Me>("/auth/me");
  } catch (error) {
    if (error instanceof ApiError && error.status === 401) return null;
    throw error;
  }
}

function Gate(): ReactNode {
  const [isOut, setOut] = useState(false);
  const me = useQuery({ queryKey: ["me"], queryFn: whoAmI, staleTime: Infinity });
  useEffect(() => onSignedOut(() => setOut(true)), []);
  const enter = useCallback((entered: Me) => {
    // what the user before saw is not for this one
    cache.removeQueries({ predicate: (query) => query.queryKey[0] !== "me" });
    cache.setQueryData(["me"], entered);
    setOut(false);
  }, []);
  if (me.isPending) return <div className="login"><Loading /></div>;
  if (me.isError) return <div className="login"><Failed error={me.error} retry={() => void me.refetch()} /></div>;
  if (isOut || me.data === null) return <Login hasExpired={isOut} onEntered={enter} />;
  return <SignedIn key={me.data.user_id} me={me.data} />;
}

function SignedIn({ me }: { me: Me }): ReactNode {
  useEffect(() => {
    stream.start();
    return () => stream.stop();
  }, []);
  const session = useMemo<Session>(() => ({
    username: me.username,
    role: me.role as Role,
    signOut: () => void post("/auth/logout").catch(() => undefined).then(() => location.assign("/")),
  }), [me]);
  return (
    <SessionContext value={session}>
      <Toasts>
        <WithPreferences><RouterProvider router={router} /></WithPreferences>
      </Toasts>
    </SessionContext>
  );
}

function WithPreferences({ children }: { children: ReactNode }): ReactNode {
  const kept = useQuery({ queryKey: ["/settings"], queryFn: () => get<ApiPreferences>("/settings"), staleTime: Infinity, retry: false });
  const [changed, setChanged] = useState<Partial<Preferences>>({});
  const say = useSay();
  const current = useMemo(
    () => ({ ...(kept.data === undefined ? DEFAULTS : fromApi(kept.data)), ...changed }),
    [kept.data, changed],
  );
  const change = useCallback((part: Partial<Preferences>) => {
    setChanged((old) => ({ ...old, ...part }));
    void put("/settings", toApi({ ...current, ...part })).catch(say.failed);
  }, [current, say]);
  writeNumbers(current.numbers);
  const door = useMemo<PreferenceDoor>(() => ({ ...current, change }), [current, change]);
  useEffect(() => {
    const { dataset } = document.documentElement;
    dataset["theme"] = current.theme;
    dataset["density"] = current.density;
  }, [current.theme, current.density]);
  return (
    <PreferenceContext value={door}>
      <MantineProvider theme={look} forceColorScheme={current.theme === "light" ? "light" : "dark"} withCssVariables={false} withGlobalClasses={false}>
        {/* numbers written in another way are written anew, also where a row has not changed */}
        <Fragment key={current.numbers}>{children}</Fragment>
      </MantineProvider>
    </PreferenceContext>
  );
}

export function App(): ReactNode {
  return (
    <QueryClientProvider client={cache}>
      <MantineProvider theme={look} forceColorScheme="dark" withCssVariables={false} withGlobalClasses={false}>
        <Gate />
      </MantineProvider>
    </QueryClientProvider>
  );
}
