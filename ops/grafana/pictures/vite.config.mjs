import react from '@vitejs/plugin-react';
import { defineConfig } from 'vite';

// The dashboards' files lie beside the page.
export default defineConfig({
  root: import.meta.dirname,
  publicDir: '../dashboards',
  plugins: [react()],
  build: { chunkSizeWarningLimit: 10_000 },
});
