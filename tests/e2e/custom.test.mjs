// An endpoint of the client's own: asked alone, with the client's key, on hosts that the operator lists.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { ask, assertError } from './harness/requests.mjs';
import { setScene } from './harness/scene.mjs';
import { badKey, stream } from './upstream/behaviours.mjs';
import { destroyed, role, text } from './upstream/steps.mjs';

const CLIENT_KEY = 'client-key-of-custom-test';
const endpoint = (scene) => scene.upstream.baseUrl('mine');
const own = (scene) => ({ 'x-opengateway-vllm-endpoint': endpoint(scene), 'x-opengateway-vllm-api-key': CLIENT_KEY });

describe('an endpoint of the client’s own', () => {
  const scene = setScene({ providers: ['groq'], vars: (upstream) => ({ CUSTOM_ENDPOINT_HOSTS: new URL(upstream.baseUrl('mine')).host }), isolates: 6 });

  test('answers, whole and streamed, with the client’s key and none of the gateway’s', async () => {
    for (const members of [{}, { stream: true }]) {
      const reply = await scene.client.chat(ask({ model: 'org/own-model', ...members }), own(scene));
      assert.equal(reply.status, 200, reply.text);
      assert.equal(reply.headers['x-gateway-provider'], 'custom');
      const [request] = scene.upstream.requests('mine').slice(-1);
      assert.equal(request.headers.authorization, `Bearer ${CLIENT_KEY}`);
      assert.equal(request.json.model, 'org/own-model');
    }
    assert.equal(scene.upstream.requests('groq').length, 0);
    assert.ok(!scene.gateway.logs().includes(CLIENT_KEY));
  });

  test('that is not listed is refused with 403, and nobody is asked', async () => {
    for (const address of ['https://example.com/v1', 'http://127.0.0.1:1/v1', 'http://169.254.169.254/latest', endpoint(scene).replace('http://', 'http://user:pw@')]) {
      const reply = await scene.client.chat(ask({ model: 'own' }), { 'x-opengateway-vllm-endpoint': address });
      assertError(reply, { status: 403, code: 'custom_endpoint_not_allowed', param: 'x-opengateway-vllm-endpoint' });
    }
    assert.equal(scene.upstream.requests('mine').length, 0);
  });

  test('that refuses its key is told without it, and harms no other client', async () => {
    scene.upstream.always('mine', badKey());
    const reply = await scene.client.chat(ask({ model: 'own' }), own(scene));
    assertError(reply, { status: 502 });
    assert.ok(!reply.text.includes(CLIENT_KEY));
    scene.upstream.reset();
    assert.equal((await scene.client.chat(ask({ model: 'own' }), own(scene))).status, 200);
  });

  test('that breaks off in the middle is a told cut or a whole answer, never a short one', async () => {
    scene.upstream.always('mine', stream([role(), text('one'), destroyed()]));
    const reply = await scene.client.chat(ask({ model: 'own', stream: true }), own(scene));
    assert.match(reply.text, /"code":"stream_cut"/);
  });
});
