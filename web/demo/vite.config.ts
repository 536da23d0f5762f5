import { fileURLToPath } from 'node:url';
import react from '@vitejs/plugin-react';
import { defineConfig } from 'vite';

const realtime = (path: string) => fileURLToPath(new URL(`../realtime/src/${path}/index.ts`, import.meta.url));
const gateway = process.env.SINAESTA_URL ?? 'http://127.0.0.1:3001';

export default defineConfig({
  plugins: [react()],
  resolve: {
    alias: [
      { find: '@sinaesta/realtime/react', replacement: realtime('react') },
      { find: '@sinaesta/realtime/components', replacement: realtime('components') },
      { find: '@sinaesta/realtime', replacement: realtime('core') },
    ],
  },
  server: { proxy: { '/api': gateway, '/socket.io': { target: gateway, ws: true } } },
  build: { target: 'es2022', assetsInlineLimit: 0, chunkSizeWarningLimit: 900 },
});
