// Cycles of Backstage's catalog module for Microsoft Graph against a simulator: `node peer.mjs URL QUIET-CYCLES`.
//
// The module's own provider reads, transforms and hands everything over; what Backstage then does with it (a database)
// is left out. `@azure/identity` insists on https for the login service, which the simulator does not speak: the client
// gets a credential that asks the simulator itself, once, as the identity library would. Photos are switched off; the
// default asks for one per user. Prints one object per cycle; what was asked is what the simulator counted.

import { ConfigReader } from '@backstage/config';
import { MicrosoftGraphClient, MicrosoftGraphOrgEntityProvider } from '@backstage/plugin-catalog-backend-module-msgraph';

const TENANT = process.env.PEER_TENANT;
const [url, quiet] = process.argv.slice(2);
if (!url || !TENANT) throw new Error('usage: PEER_TENANT=ID node peer.mjs URL QUIET-CYCLES');

let token;
const credential = {
  async getToken() {
    if (token && token.expiresOnTimestamp > Date.now() + 60_000) return token;
    const body = new URLSearchParams({
      grant_type: 'client_credentials', client_id: 'peer', client_secret: 'any-secret-is-accepted', scope: `${url}/.default`,
    });
    const answer = await fetch(`${url}/${TENANT}/oauth2/v2.0/token`, { method: 'POST', body });
    if (!answer.ok) throw new Error(`no token: ${answer.status}`);
    const { access_token, expires_in } = await answer.json();
    token = { token: access_token, expiresOnTimestamp: Date.now() + expires_in * 1000 };
    return token;
  },
};
MicrosoftGraphClient.create = config => new MicrosoftGraphClient(config.target, credential);

const silent = { debug() {}, info() {}, warn: console.error, error: console.error, child: () => silent };
const config = new ConfigReader({
  catalog: { providers: { microsoftGraphOrg: { simulator: {
    target: `${url}/v1.0`, tenantId: TENANT, clientId: 'peer', clientSecret: 'any-secret-is-accepted', user: { loadPhotos: false },
  } } } },
});
const [provider] = MicrosoftGraphOrgEntityProvider.fromConfig(config, { logger: silent, schedule: 'manual' });
let entities;
await provider.connect({ async applyMutation(mutation) { entities = mutation.entities.length; } });

async function asked() {
  const { requests, bytes } = await (await fetch(`${url}/control/stats`)).json();
  return { bytes, requests: Object.values(requests).flatMap(Object.values).reduce((sum, count) => sum + count, 0) };
}

async function cycle() {
  const [before, cpu, began] = [await asked(), process.cpuUsage(), performance.now()];
  await provider.read();
  const { user, system } = process.cpuUsage(cpu);
  const wallMs = performance.now() - began;
  const after = await asked();
  return {
    cpuMs: (user + system) / 1000, wallMs, peakBytes: process.resourceUsage().maxRSS * 1024, entities,
    requests: after.requests - before.requests, bytes: after.bytes - before.bytes,
  };
}

const cycles = [];
for (let count = 0; count <= Number(quiet); count += 1) cycles.push(await cycle());
console.log(JSON.stringify(cycles));
