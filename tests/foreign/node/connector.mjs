// Loads the transpiled component and runs `describe` and `search_records` on a simulated pod over TCP.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';

const pod = spawn(process.argv[2], ['sim', '--listen', '127.0.0.1:0'], { stdio: ['ignore', 'pipe', 'pipe'] });
try {
  const settings = await connection(pod);
  const { catalog, actions } = await import('./component/connector.js');

  const manifest = catalog.describe();
  assert.equal(manifest.name, 'oracle-fusion');
  assert.ok(manifest.operations.some((operation) => operation.id === 'search_records'));

  const input = { resource: 'invoices', fields: ['InvoiceId', 'InvoiceNumber'], limit: 3 };
  const call = { id: 'node-1', attempt: 0, remainingMs: 60_000n };
  const outcome = actions.invoke({ settings: JSON.stringify(settings), session: undefined }, call, 'search_records', JSON.stringify(input));
  assert.equal(outcome.tag, 'done');
  assert.equal(JSON.parse(outcome.val).result.length, 3);

  assert.throws(
    () => actions.invoke({ settings: JSON.stringify(settings), session: undefined }, call, 'search_records', '{}'),
    (thrown) => thrown.payload?.tag === 'permanent' && thrown.payload.val.kind === 'invalid-input',
  );
  console.log('node: describe, search_records and a refused input are as they should be');
} finally {
  pod.kill();
}
process.exit(0);

// `harness sim` prints the connection to copy as a line of JSON.
async function connection(process) {
  for (const stream of [process.stdout, process.stderr]) {
    createInterface({ input: stream }).on('line', (line) => process.emit('said', line));
  }
  return await new Promise((resolve, reject) => {
    process.on('said', (line) => {
      const at = line.indexOf('{');
      if (at < 0) return;
      try {
        resolve(JSON.parse(line.slice(at)));
      } catch {
        // not the line that we wait for
      }
    });
    process.on('exit', (code) => reject(new Error(`harness sim ended with ${code}`)));
  });
}
