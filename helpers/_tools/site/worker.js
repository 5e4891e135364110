// Before JupyterLite's own service worker: fetch all of the site once, and answer from that offline.
let all;
addEventListener("fetch", event => {
  const {request} = event, {origin, pathname} = new URL(request.url);
  all ??= (async () => {
    const cache = await caches.open("task-cards");
    for (const file of FILES) try { await cache.match(file) || await cache.add(file); } catch {}
  })();
  event.waitUntil(all);
  const its = origin !== location.origin || /\/api\/(drive|stdin|service-worker)/.test(pathname);
  if (request.method !== "GET" || its) return;
  event.stopImmediatePropagation();
  event.respondWith(fetch(request).catch(async error => {
    const cache = await caches.open("task-cards");
    const kept = await cache.match(request, {ignoreSearch: true});
    return kept || await cache.match(`${pathname}index.html`) || Promise.reject(error);
  }));
});
