/* Reports page visits to where this script came from. Asks nobody else, sets no cookie. */
(function (w, d, n) {
  var queued = (w.leadrail || {}).q || [], from = new URL(d.currentScript.src), site = from.searchParams.get('site');
  w.leadrail = function () {};
  if (!site || n.doNotTrack == 1 || w.doNotTrack == 1 || n.globalPrivacyControl) return;
  var end = from.origin + from.pathname.replace(/leadrail\.js$/, 'p'), name = 'lr_visitor', visitor, last;
  try { visitor = w.localStorage.getItem(name); } catch (e) {}
  if (!/^[0-9a-f]{32}$/.test(visitor)) {
    visitor = Array.from(w.crypto.getRandomValues(new Uint8Array(16)), function (b) {
      return (b + 256).toString(16).slice(1);
    }).join('');
    try { w.localStorage.setItem(name, visitor); } catch (e) {}
  }
  function send(fields) {
    var p = new URLSearchParams({ site: site, v: visitor });
    for (var key in fields) if (fields[key]) p.set(key, fields[key]);
    if (!(n.sendBeacon && n.sendBeacon(end, p))) new Image().src = end + '.gif?' + p;
  }
  function plain(url) { return url.split(/[?#]/)[0]; }
  function page(contact) {
    var here = plain(w.location.href);
    if (here == last) return;
    send({ u: here, t: d.title.slice(0, 200), r: plain(last || d.referrer), c: contact });
    last = here;
  }
  function later() { setTimeout(page, 0); }
  ['pushState', 'replaceState'].forEach(function (move) {
    var own = w.history[move];
    w.history[move] = function () { var done = own.apply(this, arguments); later(); return done; };
  });
  w.addEventListener('popstate', later);
  w.leadrail = function (what, contact) { if (what == 'identify') send({ c: contact }); };
  var here = new URL(w.location.href), contact = here.searchParams.get('lr_c');
  page(contact);
  if (contact) {
    here.searchParams.delete('lr_c');
    w.history.replaceState(w.history.state, '', here);
  }
  queued.forEach(function (args) { w.leadrail.apply(w, args); });
})(window, document, navigator);
