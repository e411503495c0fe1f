// Opens the pages of a running collector in Chromium and checks what readers rely on: everything is there without
// scripts, on a phone as on a desk, in light and dark, for people who cannot see it, and nothing is fetched from
// elsewhere.
//
//   node pages.mjs BASE_URL OUT_DIR     one line a check; exit code 0 if all hold, 1 if not, 2 if it cannot run
//
// The collector must show at least one event and one country. CHROMIUM names the browser's file; else it is sought in PATH.
import { createRequire } from 'node:module';
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { chromium } from 'playwright-core';

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const STATE_WORDS = /\b(ok|blocked|throttled|down|insufficient)\b/;
// A desk, a phone, a small phone.
const WIDTHS = [1280, 360, 320];
const BUDGET_BYTES = 30 * 1024;
const PATIENCE_MS = 20_000;

const [base, out] = process.argv.slice(2);
if (!base || !out) {
  console.error('usage: node pages.mjs BASE_URL OUT_DIR');
  process.exit(2);
}
mkdirSync(out, { recursive: true });
const origin = new URL(base).origin;

let failures = 0;
function check(holds, what, detail = '') {
  if (!holds) failures += 1;
  console.log(`${holds ? 'ok  ' : 'FAIL'} ${what}${!holds && detail ? `: ${detail}` : ''}`);
}

const flags = [
  '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync',
  // Chromium refuses its own sandbox to root, which a container's test often is.
  ...(process.getuid?.() === 0 ? ['--no-sandbox'] : []),
];
const browser = await chromium.launch({ executablePath: browserFile(), args: flags }).catch((error) => {
  console.error(`no Chromium to test with (set CHROMIUM to its file): ${error.message}`);
  process.exit(2);
});
try {
  const places = await followLinks();
  for (const scripts of [true, false]) {
    for (const width of WIDTHS) {
      for (const scheme of scripts ? ['light', 'dark'] : ['light']) await visitAll(places, { scripts, width, scheme });
    }
  }
} catch (error) {
  check(false, 'the browser could finish', String(error));
} finally {
  await browser.close();
}
console.log(failures === 0 ? 'all checks hold' : `${failures} checks failed`);
process.exitCode = failures === 0 ? 0 : 1;

function browserFile() {
  const found = (process.env.PATH ?? '').split(delimiter).map((folder) => join(folder, 'chromium')).find(existsSync);
  return process.env.CHROMIUM ?? found ?? 'chromium';
}

/** Finds a country's and an event's page the way a reader does: by links, from the front page on. */
async function followLinks() {
  const context = await browser.newContext({ javaScriptEnabled: false });
  const page = await context.newPage();
  page.setDefaultTimeout(PATIENCE_MS);
  await page.goto(new URL('/', base).href);
  const event = await firstLink(page, 'main a[href^="event/"]');
  // The country's own link shows the latest hours; the event's leads to the hours of the event.
  const country = (await firstLink(page, 'main a[href^="country/"][href*="from="]'))
    ?? (await firstLink(page, 'main a[href^="country/"]'));
  await context.close();
  check(event !== null, 'the front page links to an event');
  check(country !== null, 'the front page links to a country');
  const places = { now: new URL('/', base).href, country, event };
  return Object.entries(places).filter(([, url]) => url !== null);
}

async function firstLink(page, selector) {
  const link = page.locator(selector).first();
  return (await link.count()) === 0 ? null : new URL(await link.getAttribute('href'), page.url()).href;
}

async function visitAll(places, how) {
  const { scripts, width, scheme } = how;
  const viewport = { width, height: 900 };
  const context = await browser.newContext({ javaScriptEnabled: scripts, viewport, colorScheme: scheme });
  for (const [name, url] of places) await visit(context, name, url, how);
  await context.close();
}

async function visit(context, name, url, { scripts, width, scheme }) {
  const label = `${name}, ${width} px, ${scheme}, scripts ${scripts ? 'on' : 'off'}`;
  const page = await context.newPage();
  page.setDefaultTimeout(PATIENCE_MS);
  const errors = [];
  const strangers = [];
  page.on('console', (message) => message.type() === 'error' && errors.push(message.text()));
  page.on('pageerror', (error) => errors.push(String(error)));
  page.on('request', (request) => isElsewhere(request.url()) && strangers.push(request.url()));

  const response = await page.goto(url, { waitUntil: 'load' });
  check(response.status() === 200, `${label}: status 200`, String(response.status()));
  await checkContent(page, name, label);
  await checkWidth(context, page, label);
  if (scripts) await checkAccess(page, label);
  if (scripts && width === WIDTHS[0] && scheme === 'light') await checkServer(context, response, label);
  await page.screenshot({ path: join(out, `${name}-${width}-${scheme}-${scripts ? 'js' : 'nojs'}.png`), fullPage: true });
  check(errors.length === 0, `${label}: no error on the console`, errors.join(' | '));
  check(strangers.length === 0, `${label}: no request to another origin`, strangers.join(' '));
  await page.close();
}

function isElsewhere(url) {
  return !url.startsWith('data:') && new URL(url).origin !== origin;
}

async function checkContent(page, name, label) {
  const heading = page.locator('h1');
  check((await heading.count()) === 1 && (await heading.isVisible()), `${label}: one heading, visible`);
  check((await page.locator('h2').count()) > 0, `${label}: sections have headings`);
  check((await page.locator('script').count()) === 0, `${label}: complete without scripts`);
  const text = await page.locator('main').innerText();
  check(STATE_WORDS.test(text), `${label}: states stand there as words`);
  check(/\d\d:\d\d UTC/.test(text), `${label}: times are given in UTC`);
  if (name === 'country') await checkTable(page, label);
  if (name === 'event') await checkEvent(page, label);
}

async function checkTable(page, label) {
  const strips = await page.locator('svg.strip').count();
  check(strips > 0, `${label}: the timeline has services`);
  await page.locator('summary').click();
  const table = page.locator('details table');
  check(await table.isVisible(), `${label}: the table opens`);
  const services = await table.locator('tbody th').count();
  check(services === strips, `${label}: the table has the timeline's services`, `${services} of ${strips}`);
  await page.locator('summary').click();
}

async function checkEvent(page, label) {
  const heading = await page.locator('h1').innerText();
  check(/(have|has) been blocked|(were|was) blocked/.test(heading), `${label}: the heading says what happened`, heading);
  const json = page.locator('main a[href*="api/v1/events/"]');
  check((await json.count()) === 1, `${label}: the event is linked as JSON`);
}

/** By the browser's own layout figures, which need no script in the page. */
async function checkWidth(context, page, label) {
  const session = await context.newCDPSession(page);
  const { cssContentSize, cssLayoutViewport } = await session.send('Page.getLayoutMetrics');
  const [content, view] = [cssContentSize.width, cssLayoutViewport.clientWidth];
  check(content <= view, `${label}: nothing sticks out sideways`, `${content} > ${view}`);
  await session.detach();
}

async function checkAccess(page, label) {
  await page.evaluate(AXE);
  const { violations } = await page.evaluate(() => globalThis.axe.run(document));
  const grave = violations.filter(({ impact }) => impact === 'serious' || impact === 'critical');
  const found = grave.map(({ id, nodes }) => `${id} (${nodes.map((node) => node.target.join(' ')).join(', ')})`);
  check(grave.length === 0, `${label}: axe finds nothing serious`, found.join('; '));
}

async function checkServer(context, response, label) {
  const policy = (await response.allHeaders())['content-security-policy'] ?? '';
  check(policy.includes("default-src 'none'"), `${label}: a strict content security policy`, policy);
  const style = await context.request.get(new URL('/style.css', base).href);
  check(style.ok(), `${label}: the style sheet is there`, String(style.status()));
  const bytes = gzipSync(await response.body()).length + gzipSync(await style.body()).length;
  check(bytes <= BUDGET_BYTES, `${label}: at most ${BUDGET_BYTES} bytes compressed`, String(bytes));
}
