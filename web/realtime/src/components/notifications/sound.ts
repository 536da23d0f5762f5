/** A short soft tone. Browsers play it only after the page was used; before that there is none. */
export function playTone(): void {
  try {
    const context = new AudioContext();
    const [tone, volume] = [context.createOscillator(), context.createGain()];
    const { currentTime: now } = context;
    tone.frequency.setValueAtTime(660, now);
    tone.frequency.exponentialRampToValueAtTime(880, now + 0.12);
    volume.gain.setValueAtTime(0.08, now);
    volume.gain.exponentialRampToValueAtTime(0.001, now + 0.35);
    tone.connect(volume).connect(context.destination);
    tone.start(now);
    tone.stop(now + 0.36);
    tone.onended = () => void context.close();
  } catch {
    // A page without sound is a page all the same.
  }
}
