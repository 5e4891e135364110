// Before JupyterLite's own service worker: fetch all of the site once, and keep listings too.
let all;
addEventListener("fetch", event => {
  const {request} = event, {origin, pathname} = new URL(request.url);
  all ??= (async () => {
    const cache = await caches.open("precache");
    for (const file of FILES) try { await cache.match(file) || await cache.add(file); } catch {}
  })();
  event.waitUntil(all);
  if (request.method === "GET" && origin === location.origin && pathname.includes("/api/contents/"))
    event.respondWith(fetch(request).catch(() => caches.match(request, {ignoreSearch: true})));
});
