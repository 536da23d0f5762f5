import { Center, Loader } from '@mantine/core';
import { RealtimeProvider } from '@sinaesta/realtime/react';
import { lazy, Suspense, useEffect, useMemo, useState } from 'react';
import { BrowserRouter, Navigate, Route, Routes } from 'react-router';
import { ChatPage } from './pages/chat/index.tsx';
import { NotFound } from './pages/not-found.tsx';
import { SignIn } from './pages/sign-in.tsx';
import { clientFor, type Session, session } from './session.ts';
import { Shell } from './shell.tsx';

const Exams = lazy(() => import('./pages/exams/index.tsx'));
const Proctor = lazy(() => import('./pages/proctor/index.tsx'));
const Admin = lazy(() => import('./pages/admin/index.tsx'));
const Leaderboard = lazy(() => import('./pages/leaderboard/index.tsx'));
const Groups = lazy(() => import('./pages/groups/index.tsx'));
const NotificationsPage = lazy(() => import('./pages/notifications/index.tsx'));

/** Signed in or not: everything below is somebody's. */
export function App() {
  const [who, setWho] = useState<Session | null>(session.read);
  const enter = (next: Session) => {
    session.write(next);
    setWho(next);
  };
  const leave = () => {
    session.clear();
    setWho(null);
  };
  return (
    <BrowserRouter>
      {who === null ? <SignIn onEnter={enter} /> : <SignedIn key={JSON.stringify(who)} who={who} onLeave={leave} />}
    </BrowserRouter>
  );
}

function SignedIn({ who, onLeave }: { who: Session; onLeave: () => void }) {
  const client = useMemo(() => clientFor(who), [who]);
  useEffect(() => {
    client.connect();
    return () => client.disconnect();
  }, [client]);
  return (
    <RealtimeProvider client={client}>
      <Shell onLeave={onLeave}>
        <Suspense
          fallback={
            <Center h="60vh">
              <Loader />
            </Center>
          }
        >
          <Routes>
            <Route index element={<Navigate to="/chat" replace />} />
            <Route path="chat/:roomId?" element={<ChatPage />} />
            <Route path="exams/:examId?" element={<Exams />} />
            <Route path="proctor/:examId" element={<Proctor />} />
            <Route path="admin" element={<Admin />} />
            <Route path="leaderboard" element={<Leaderboard />} />
            <Route path="groups" element={<Groups />} />
            <Route path="notifications" element={<NotificationsPage />} />
            <Route path="*" element={<NotFound />} />
          </Routes>
        </Suspense>
      </Shell>
    </RealtimeProvider>
  );
}
