/** One attack in a process of its own, so that what it costs is not taken for the server's slowness. Says what came of it. */
import process from 'node:process';

import { ATTACKS, field } from './attacks.mjs';

const [name = '', target = ''] = process.argv.slice(2);
const attack = ATTACKS[name];
if (!attack) throw new Error(`there is no attack "${name}"`);
const at = field(JSON.parse(target));
await attack(at);
process.stdout.write(`${JSON.stringify({ outcomes: at.outcomes, taken: at.taken })}\n`, () => process.exit(0));
