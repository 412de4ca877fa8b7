"""The workshop page: a class predicts, watches contenders race on real servers, and sees the verdict drop."""
