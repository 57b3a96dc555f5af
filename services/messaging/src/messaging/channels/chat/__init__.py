"""Chat by the webhook of a group robot, in the shape of WeCom's (developer.work.weixin.qq.com/document/path/91770)."""
