import { useEffect, useState } from 'react';
import { useClient } from './context.ts';

/** An address to show a file of ours at: reading it takes the user's token, which an `<img>` has not. */
export function useFile(url: string | null): string | null {
  const { http } = useClient();
  const [address, setAddress] = useState<string | null>(null);
  useEffect(() => {
    if (url === null) return;
    let made: string | null = null;
    let isGone = false;
    http.file(url).then(
      (blob) => {
        if (isGone) return;
        made = URL.createObjectURL(blob);
        setAddress(made);
      },
      () => {},
    );
    return () => {
      isGone = true;
      if (made !== null) URL.revokeObjectURL(made);
      setAddress(null);
    };
  }, [http, url]);
  return address;
}
