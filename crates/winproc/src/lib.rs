//! Windows' sessions, programs run as the logged-on user, and pipes and files with access lists.
