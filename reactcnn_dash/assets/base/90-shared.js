/* The functions that Dash calls on every page (see callbacks/shell.py). */
(function () {
  "use strict";

  const rc = window.reactcnn;

  /** Make functions known to Dash as those of the namespace `reactcnn`. */
  rc.offer = function (functions) {
    const clientside = (window.dash_clientside = window.dash_clientside || {});
    clientside.reactcnn = Object.assign(clientside.reactcnn || {}, functions);
  };

  rc.offer({
    openHelp: (clicks) => Boolean(clicks),
    failure: function (text) {
      if (text) rc.notice(text);
      return window.dash_clientside.no_update;
    },
  });
})();
