"""Pushed messages of Youzan, whose trades are written as Taobao writes them."""
